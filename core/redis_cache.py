"""The site's cache in Redis, for sites of several hosts. Others do not import it, which saves memory."""

import json
import logging
import secrets
import time
from typing import Any

from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

from .file_cache import Count, SharedFile

logger = logging.getLogger(__name__)

LIMITS = "allauth"
"""Prefixes of the keys under which django-allauth counts log-ins, wrong passwords and used codes."""

RETRY_AFTER = 2
"""Seconds to count log-ins locally after Redis did not answer."""

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
