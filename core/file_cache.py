"""The site's cache in a file shared by a machine's processes. It also counts calls for rate limits.

Like `redis_cache`, it stores JSON: with pickles, whoever can write to the cache could run code here.
"""

import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache

TIMEOUT = 0.5
"""Seconds a call waits for the file's lock."""

MAX_SWEPT = 20
"""Expired rows that one call deletes, whoever they belong to."""

TABLES = """
CREATE TABLE IF NOT EXISTS counted (key TEXT, at REAL, cost INTEGER, expires REAL);
CREATE UNIQUE INDEX IF NOT EXISTS counted_of_key ON counted (key, at);
CREATE INDEX IF NOT EXISTS counted_until ON counted (expires);
CREATE TABLE IF NOT EXISTS kept (key TEXT PRIMARY KEY, value TEXT, expires REAL);
"""


@dataclass(frozen=True)
class Count:
    """Result of counting a call.

    allowed: it is within the limit, and was counted. remaining: calls left of the limit. reset: seconds until the call
    would be allowed if it was refused, and until more is left if not.
    """

    allowed: bool
    remaining: int
    reset: float


class SharedFile(BaseCache):
    """A cache in a SQLite file in a folder, or in this process's memory without a folder.

    Counts are exact over all processes. Data may be lost in a power cut.
    """

    def __init__(self, folder: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        self.folder = folder

    def count(self, key: str, cost: int, limit: int, seconds: int) -> Count:
        """Count a call against a limit in any span of so many seconds, unless that exceeds it; 1 <= cost <= limit."""
        with self._transaction() as rows:
            now = time.time()
            # Times in the future come from a clock that was wrong.
            rows.execute("DELETE FROM counted WHERE key = ? AND (at <= ? OR at > ?)", (key, now - seconds, now))
            expired = "SELECT rowid FROM counted WHERE expires <= ? LIMIT ?"
            rows.execute(f"DELETE FROM counted WHERE rowid IN ({expired})", (now, MAX_SWEPT))  # noqa: S608  # no value
            used, oldest = rows.execute("SELECT SUM(cost), MIN(at) FROM counted WHERE key = ?", (key,)).fetchone()
            used = used or 0
            if used + cost > limit:
                return Count(False, limit - used, self._room_at(rows, key, used + cost - limit) + seconds - now)
            sum_up = "ON CONFLICT (key, at) DO UPDATE SET cost = cost + excluded.cost"
            row = (key, now, cost, now + seconds)
            rows.execute(f"INSERT INTO counted VALUES (?, ?, ?, ?) {sum_up}", row)  # noqa: S608  # no value
        return Count(True, limit - used - cost, (oldest or now) + seconds - now)

    def _room_at(self, rows: sqlite3.Connection, key: str, cost: int) -> float:
        """Return the time of the last call that must expire before a call of this cost fits."""
        freed = "SELECT at, SUM(cost) OVER (ORDER BY at) AS freed FROM counted WHERE key = ?"
        query = f"SELECT MIN(at) FROM ({freed}) WHERE freed >= ?"  # noqa: S608  # no value
        at: float = rows.execute(query, (key, cost)).fetchone()[0]
        return at

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        with self._transaction() as rows:
            query = "SELECT value FROM kept WHERE key = ? AND (expires IS NULL OR expires > ?)"
            row = rows.execute(query, (self.make_and_validate_key(key, version), time.time())).fetchone()
        return default if row is None else json.loads(row[0])

    def set(self, key: Any, value: Any, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        row = (self.make_and_validate_key(key, version), json.dumps(value), self.get_backend_timeout(timeout))
        with self._transaction() as rows:
            rows.execute("DELETE FROM kept WHERE expires <= ?", (time.time(),))
            rows.execute("INSERT OR REPLACE INTO kept VALUES (?, ?, ?)", row)

    def add(self, key: Any, value: Any, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        row = (self.make_and_validate_key(key, version), json.dumps(value), self.get_backend_timeout(timeout))
        with self._transaction() as rows:
            rows.execute("DELETE FROM kept WHERE expires <= ?", (time.time(),))
            return rows.execute("INSERT OR IGNORE INTO kept VALUES (?, ?, ?)", row).rowcount == 1

    def delete(self, key: Any, version: int | None = None) -> bool:
        with self._transaction() as rows:
            key = self.make_and_validate_key(key, version)
            return rows.execute("DELETE FROM kept WHERE key = ?", (key,)).rowcount == 1

    def clear(self) -> None:
        with self._transaction() as rows:
            rows.execute("DELETE FROM kept")
            rows.execute("DELETE FROM counted")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Lock the file among all threads and processes. Raises sqlite3.Error."""
        # Django makes a cache object for each thread; connections are shared by the process.
        with _lock:
            try:
                rows = _open_files.get(self.folder) or _open(self.folder)
                _open_files[self.folder] = rows
                rows.execute("BEGIN IMMEDIATE")
                with rows:
                    yield rows
            except sqlite3.Error as error:
                # Reopen it: it may have been deleted. A damaged file is replaced.
                if self.folder in _open_files:
                    _open_files.pop(self.folder).close()
                if self.folder and not isinstance(error, sqlite3.OperationalError):
                    with suppress(OSError):
                        _path(self.folder).unlink()
                raise


_lock = threading.Lock()
_open_files: dict[str, sqlite3.Connection] = {}


def _path(folder: str) -> Path:
    return Path(folder) / "counts.sqlite3"


def _open(folder: str) -> sqlite3.Connection:
    if folder:
        Path(folder).mkdir(mode=0o700, parents=True, exist_ok=True)
        # Private by itself: the folder may have existed before, with other permissions.
        os.close(os.open(_path(folder), os.O_CREAT | os.O_RDWR, 0o600))
    place = _path(folder) if folder else ":memory:"
    rows = sqlite3.connect(place, timeout=TIMEOUT, isolation_level=None, check_same_thread=False)
    # Survives a killed process, and does not wait for the disk.
    rows.executescript(f"PRAGMA journal_mode = PERSIST; PRAGMA synchronous = OFF; {TABLES}")
    return rows


def _forget_files() -> None:
    """Drop the parent's connections: SQLite connections do not survive a fork."""
    global _lock
    _lock = threading.Lock()
    _open_files.clear()


os.register_at_fork(after_in_child=_forget_files)
