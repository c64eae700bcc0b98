"""Choose the SQLite library, and use its write-ahead log only if that is safe."""

import contextlib
import sqlite3
import sys

try:
    import pysqlite3
except ImportError:  # There is no build of it for every machine.
    pysqlite3 = None

FIRST_SAFE = (3, 51, 3)
"""In earlier versions, a checkpoint during a write can lose a commit in the write-ahead log (sqlite.org/wal.html)."""


def use_newest() -> None:
    """Make `import sqlite3` import pysqlite3 if that is newer than Python's own library.

    Django's backend imports `sqlite3` by name. Call this before the backend is imported.
    """
    if pysqlite3 is not None and pysqlite3.sqlite_version_info > sqlite3.sqlite_version_info:
        sys.modules["sqlite3"] = pysqlite3


def library() -> tuple[int, int, int]:
    """Return the version of the SQLite library in use."""
    version: tuple[int, int, int] = sys.modules["sqlite3"].sqlite_version_info
    return version


def journal_mode(version: tuple[int, int, int]) -> str:
    """Return "WAL" if the library's write-ahead log is safe, else "TRUNCATE"."""
    return "WAL" if version >= FIRST_SAFE else "TRUNCATE"


def empty_log() -> None:
    """Checkpoint the write-ahead log into the database file, if the database is reachable.

    A log that is left behind would be replayed into a backup that is restored over the database file.
    """
    from django.db import DatabaseError, connection

    if connection.vendor == "sqlite":
        with contextlib.suppress(DatabaseError), connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
