"""Which SQLite library this process uses, and whether its write-ahead log is sound."""

import contextlib
import sqlite3
import sys

try:
    import pysqlite3
except ImportError:  # There is no build of it for every machine.
    pysqlite3 = None

SOUND = (3, 51, 3)
SOUND_BACKPORTS = {(3, 44): 6, (3, 50): 7}


def use_newest() -> None:
    """Make `import sqlite3` mean the bundled library where that is newer than Python's own.

    To be called before Django's database backend is imported.
    """
    if pysqlite3 is not None and pysqlite3.sqlite_version_info > sqlite3.sqlite_version_info:
        sys.modules["sqlite3"] = pysqlite3
        sys.modules["sqlite3.dbapi2"] = pysqlite3.dbapi2


def library() -> tuple[int, int, int]:
    """Return the version of the SQLite library that the site uses."""
    version: tuple[int, int, int] = sys.modules["sqlite3"].sqlite_version_info
    return version


def journal_mode(version: tuple[int, int, int]) -> str:
    """Choose the journal: the write-ahead log where the library cannot lose commits in it.

    Up to 3.51.2 a checkpoint and a writer that meet at the wrong moment can lose a commit or damage the database
    (sqlite.org/wal.html, "the WAL-reset bug"); 3.44.6 and 3.50.7 have the fix too. Others keep a rollback journal.
    """
    sound = version >= SOUND or version[2] >= SOUND_BACKPORTS.get(version[:2], sys.maxsize)
    return "WAL" if sound else "TRUNCATE"


def empty_log() -> None:
    """Bring what the write-ahead log holds into the database's file, or leave it there where the database is away.

    A log that is left behind would be played into a backup that is unpacked over the database.
    """
    from django.db import DatabaseError, connection

    if connection.vendor == "sqlite":
        with contextlib.suppress(DatabaseError), connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
