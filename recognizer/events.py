"""Announce promotions to other processes over Redis, if the cache is one.

The newest promotion row decides which version is current, and every process polls it. An announcement only makes
processes poll sooner.
"""

import threading
import time
from collections.abc import Iterator
from typing import Any

from django.core.cache import DEFAULT_CACHE_ALIAS, caches
from django.core.cache.backends.redis import RedisCache

CHANNEL = "promotions"

SILENCE = 60.0
"""Reconnect after this many seconds of silence."""

RETRY_DELAY = 5.0
"""Seconds before retrying an unreachable Redis."""


def publish() -> None:
    """Announce a promotion in the background. Does nothing without Redis."""
    if _redis() is not None:
        threading.Thread(target=_publish, name="promotion announcement").start()


def _publish() -> None:
    try:
        _redis().publish(_channel(), "")
    except Exception:  # As in `listen`.
        return


def listen() -> Iterator[None]:
    """Yield at each announcement, and whenever one may have been missed. Ends at once without Redis."""
    while (redis := _redis()) is not None:
        try:
            with redis.pubsub() as line:
                line.subscribe(_channel())
                # The first message confirms the subscription.
                while line.get_message(timeout=SILENCE):
                    yield
        except Exception:  # Redis is unreachable; processes still poll the row.
            time.sleep(RETRY_DELAY)


def _redis() -> Any:
    shared = caches[DEFAULT_CACHE_ALIAS]
    return shared._cache.get_client(write=True) if isinstance(shared, RedisCache) else None


def _channel() -> str:
    return caches[DEFAULT_CACHE_ALIAS].make_key(CHANNEL)
