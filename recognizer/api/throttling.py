"""Rate limits of the API, for each user, IP address and key."""

import logging
from typing import TYPE_CHECKING, Any

from django.core.cache import DEFAULT_CACHE_ALIAS, caches
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.throttling import ScopedRateThrottle, SimpleRateThrottle

from core.callers import address_of
from core.file_cache import Count, SharedFile
from keys.models import Key, Secret

if TYPE_CHECKING:
    from core.redis_cache import Redis

logger = logging.getLogger(__name__)


class CountedThrottle(SimpleRateThrottle):
    """A rate limit counted in the cache, exactly, also across processes."""

    # REST framework's, and not in the stubs.
    num_requests: int
    duration: int
    scope: str

    cost = 1
    """How many calls this call counts as."""

    count: Count

    def allow_request(self, request: Request, view: Any) -> bool:
        """Return whether a call is within its limit. If the cache is unreachable, every call is."""
        cost = min(self.cost, self.num_requests)
        try:
            key = f"{self.scope}:{self.get_cache_key(request, view)}"
            counter: Redis | SharedFile = caches[DEFAULT_CACHE_ALIAS]  # type: ignore[assignment]  # the settings' own
            self.count = counter.count(key, cost, self.num_requests, self.duration)
        except Exception as error:  # Each cache has exceptions of its own.
            logger.error("rate limits are off, the cache does not answer: %s", error)
            return True
        limits_of(request)[self.scope] = (self.num_requests, self.duration, self.count)
        return self.count.allowed

    def wait(self) -> float:
        return self.count.reset


class ScopeByAddress(ScopedRateThrottle, CountedThrottle):
    """A rate limit for each kind of call, counted for a user, or for a visitor's IP address."""

    def get_ident(self, request: Request) -> str:
        return address_of(request._request)


class LimitOfKey(CountedThrottle):
    """The rate limit that a key's owner set for it, over all kinds of calls."""

    scope = "key"

    def __init__(self) -> None:
        """Leave the rate to each key."""

    def allow_request(self, request: Request, view: Any) -> bool:
        key: Key | None = request.auth.key if isinstance(request.auth, Secret) else None
        if key is None or key.limit is None:
            return True
        self.num_requests, self.duration = key.limit, 60
        return super().allow_request(request, view)

    def get_cache_key(self, request: Request, view: Any) -> str:
        return f"throttle_of_key_{request.auth.key.pk}"


def limits_of(request: Request) -> dict[str, tuple[int, int, Count]]:
    """Return the limits that a request was counted against, by name: (calls, seconds, count)."""
    limits: dict[str, tuple[int, int, Count]] = request._request.__dict__.setdefault("limits", {})
    return limits


def weigh(request: Request, view: Any, cost: int) -> None:
    """Count a call as `cost` calls; one of them is counted already. Raises Throttled."""
    waits = []
    for throttle in view.get_throttles() if cost > 1 else []:
        throttle.cost = cost - 1
        if not throttle.allow_request(request, view):
            waits.append(throttle.wait())
    if waits:
        raise Throttled(max(waits))
