import pytest
from django.db.backends.sqlite3.base import Database

from digitsite import sqlite


@pytest.mark.parametrize(
    ("version", "journal"),
    [
        ((3, 40, 1), "TRUNCATE"),
        ((3, 51, 2), "TRUNCATE"),
        ((3, 51, 3), "WAL"),
        ((3, 53, 4), "WAL"),
        ((4, 0, 0), "WAL"),
    ],
)
def test_unsafe_sqlite_gets_no_write_ahead_log(version: tuple[int, int, int], journal: str) -> None:
    assert sqlite.journal_mode(version) == journal


def test_bundled_sqlite_is_safe() -> None:
    pysqlite3 = pytest.importorskip("pysqlite3")
    assert sqlite.journal_mode(pysqlite3.sqlite_version_info) == "WAL"


def test_newest_sqlite_library_is_used() -> None:
    pysqlite3 = pytest.importorskip("pysqlite3")
    sqlite.use_newest()
    assert sqlite.library() >= pysqlite3.sqlite_version_info
    assert Database.sqlite_version_info == sqlite.library()
