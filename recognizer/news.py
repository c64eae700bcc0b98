"""Word of a promotion, from process to process over the cache's Redis, where there is one.

The newest row says which version serves, and every process looks at it: who hears the word only looks sooner.
"""

import threading
import time
from collections.abc import Iterator
from typing import Any

from django.core.cache import DEFAULT_CACHE_ALIAS, caches
from django.core.cache.backends.redis import RedisCache

CHANNEL = "promotions"

SILENCE = 60.0
"""Seconds without a word after which the line may be dead, and is laid anew."""

PATIENCE = 5.0
"""Seconds until a Redis that is away is asked again."""


def tell() -> None:
    """Say that a version was promoted. Nobody waits for it, and where no Redis answers nobody hears it."""
    if _redis() is not None:
        threading.Thread(target=_tell, name="word of a promotion").start()


def _tell() -> None:
    try:
        _redis().publish(_channel(), "")
    except Exception:  # As in `words`.
        return


def words() -> Iterator[None]:
    """Yield at each word, and whenever one may have been missed. Ends at once where the cache is no Redis."""
    while (redis := _redis()) is not None:
        try:
            with redis.pubsub() as line:
                line.subscribe(_channel())
                # The first is the answer that the line is there.
                while line.get_message(timeout=SILENCE):
                    yield
        except Exception:  # It is away, and fails in ways of its own; the row is looked at all the same.
            time.sleep(PATIENCE)


def _redis() -> Any:
    shared = caches[DEFAULT_CACHE_ALIAS]
    return shared._cache.get_client(write=True) if isinstance(shared, RedisCache) else None


def _channel() -> str:
    return caches[DEFAULT_CACHE_ALIAS].make_key(CHANNEL)
