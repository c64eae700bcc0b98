import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.cache import DEFAULT_CACHE_ALIAS, caches
from django.core.cache.backends.filebased import FileBasedCache
from django.core.cache.backends.redis import RedisCache
from django.core.files import locks
from rest_framework.request import Request
from rest_framework.throttling import ScopedRateThrottle, SimpleRateThrottle

from keys.models import Key, Secret

logger = logging.getLogger(__name__)

# By the clock of the one server that counts: hosts' clocks differ.
COUNT = """
local seconds, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - seconds)
if redis.call('ZCARD', KEYS[1]) < limit then
  redis.call('ZADD', KEYS[1], string.format('%.6f', now), ARGV[3])
  redis.call('EXPIRE', KEYS[1], seconds)
  return ''
end
local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
return string.format('%.6f', oldest[2] + seconds - now)
"""


@contextmanager
def in_turn() -> Iterator[None]:
    """Let calls be counted one after the other by all processes that count in one folder."""
    if not isinstance(caches[DEFAULT_CACHE_ALIAS], FileBasedCache):
        yield
        return
    folder = Path(settings.CACHES[DEFAULT_CACHE_ALIAS]["LOCATION"])
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "lock").open("a") as file:
        locks.lock(file, locks.LOCK_EX)
        yield


class Counted(SimpleRateThrottle):
    """A limit counted by REST framework, which reads, adds and writes, in one process' memory or in a folder.

    In Redis it is counted in one step. Of calls at once in several processes, never more than the limit go on.
    """

    # REST framework's, and not in the stubs.
    num_requests: int
    duration: int

    def allow_request(self, request: Request, view: Any) -> bool:
        """Tell whether a call is within its limit. Where nothing can be counted, calls go on."""
        self.seconds_left: float | None = None
        try:
            with in_turn():
                return bool(super().allow_request(request, view))
        except Exception as error:  # Each cache fails in its own ways.
            logger.error("limits are not counted, the cache does not answer: %s", error)
            return True

    def throttle_success(self) -> bool:
        """Count a call that would be let go on. Returns False where Redis has counted its limit by now."""
        shared = caches[DEFAULT_CACHE_ALIAS]
        if not isinstance(shared, RedisCache):
            return bool(super().throttle_success())
        key, call = f"counted:{self.key}", secrets.token_hex(8)
        client = shared._cache.get_client(write=True)
        left = client.eval(COUNT, 1, key, self.duration, self.num_requests, call).decode()
        self.seconds_left = float(left) if left else None
        return not left

    def wait(self) -> float | None:
        return super().wait() if self.seconds_left is None else self.seconds_left


class ScopeByAddress(Counted, ScopedRateThrottle):
    """A limit for each kind of call, on a user or on the address a connection comes from."""

    def get_ident(self, request: Request) -> Any:
        return request.META["REMOTE_ADDR"]


class LimitOfKey(Counted):
    """The limit that a key's owner gave it, over all kinds of calls, within those of the owner."""

    def __init__(self) -> None:
        """Leave the rate to each key."""

    def allow_request(self, request: Request, view: Any) -> bool:
        key: Key | None = request.auth.key if isinstance(request.auth, Secret) else None
        if key is None or key.limit is None:
            return True
        self.rate = f"{key.limit}/min"
        self.num_requests, self.duration = key.limit, 60
        return super().allow_request(request, view)

    def get_cache_key(self, request: Request, view: Any) -> str:
        return f"throttle_of_key_{request.auth.key.pk}"
