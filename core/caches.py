"""The caches of the site, which also count calls for rate limits: Redis, or a file shared by a machine's processes.

Both store JSON: with pickles, whoever can write to the cache could run code here.
"""

import json
import logging
import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

TIMEOUT = 0.5
"""Seconds a call waits for the file's lock."""

LIMITS = "allauth"
"""Prefixes of the keys under which django-allauth counts log-ins, wrong passwords and used codes."""

RETRY_AFTER = 2
"""Seconds to count log-ins locally after Redis did not answer."""

MAX_SWEPT = 20
"""Expired rows that one call deletes, whoever they belong to."""

# Uses the clock of the Redis server, because the hosts' clocks differ. A call of higher cost adds several entries.
COUNT = """
local seconds, limit, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - seconds)
local used = redis.call('ZCARD', KEYS[1])
local first_to_go = used + cost - limit - 1
local allowed = first_to_go < 0
if allowed then
  for part = 1, cost do
    redis.call('ZADD', KEYS[1], string.format('%.6f', now), ARGV[4] .. part)
  end
  redis.call('EXPIRE', KEYS[1], seconds)
  used, first_to_go = used + cost, 0
end
local entry = redis.call('ZRANGE', KEYS[1], first_to_go, first_to_go, 'WITHSCORES')
return {allowed and 1 or 0, limit - used, string.format('%.6f', entry[2] + seconds - now)}
"""

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


class Json:
    """Serializes to JSON; Django's own serializer uses pickle."""

    def dumps(self, value: Any) -> str:
        return json.dumps(value)

    def loads(self, data: bytes) -> Any:
        return json.loads(data)


class Redis(RedisCache):
    """Django's Redis cache with JSON, which also counts calls atomically.

    If Redis does not answer, log-ins and wrong passwords are counted in this process, and nothing else is cached.
    """

    # Django's, and not in the stubs.
    _cache: Any

    _away_until = 0.0

    def __init__(self, server: Any, params: dict[str, Any]) -> None:
        params["OPTIONS"] = params.get("OPTIONS", {}) | {"serializer": Json}
        super().__init__(server, params)
        self._fallback = SharedFile("", {})

    def get(self, key: Any, *arguments: Any, **options: Any) -> Any:
        return self._with_fallback(super().get, self._fallback.get, key, *arguments, **options)

    def set(self, key: Any, *arguments: Any, **options: Any) -> None:
        self._with_fallback(super().set, self._fallback.set, key, *arguments, **options)

    def add(self, key: Any, *arguments: Any, **options: Any) -> bool:
        return bool(self._with_fallback(super().add, self._fallback.add, key, *arguments, **options))

    def delete(self, key: Any, *arguments: Any, **options: Any) -> bool:
        return bool(self._with_fallback(super().delete, self._fallback.delete, key, *arguments, **options))

    def _with_fallback(self, ask: Any, otherwise: Any, key: Any, *arguments: Any, **options: Any) -> Any:
        if not str(key).startswith(LIMITS):
            return ask(key, *arguments, **options)
        if time.monotonic() >= Redis._away_until:
            try:
                return ask(key, *arguments, **options)
            except RedisError as error:
                Redis._away_until = time.monotonic() + RETRY_AFTER
                logger.error("log-ins are counted in this process alone, Redis does not answer: %s", error)
        return otherwise(key, *arguments, **options)

    def count(self, key: str, cost: int, limit: int, seconds: int) -> Count:
        """Count a call against a limit in any span of so many seconds, unless that exceeds it; 1 <= cost <= limit."""
        arguments = (self.make_key(f"counted:{key}"), seconds, limit, cost, secrets.token_hex(8))
        allowed, remaining, reset = self._cache.get_client(write=True).eval(COUNT, 1, *arguments)
        return Count(bool(allowed), remaining, float(reset))


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
