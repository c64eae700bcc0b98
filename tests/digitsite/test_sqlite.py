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
def test_only_a_sound_library_gets_a_write_ahead_log(version: tuple[int, int, int], journal: str) -> None:
    assert sqlite.journal_mode(version) == journal


def test_the_bundled_library_is_sound() -> None:
    pysqlite3 = pytest.importorskip("pysqlite3")
    assert sqlite.journal_mode(pysqlite3.sqlite_version_info) == "WAL"


def test_the_site_uses_the_newest_library_there_is() -> None:
    pysqlite3 = pytest.importorskip("pysqlite3")
    sqlite.use_newest()
    assert sqlite.library() >= pysqlite3.sqlite_version_info
    assert Database.sqlite_version_info == sqlite.library()
