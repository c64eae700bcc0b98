"""Sessions of the database with the cache in front of it. Where the cache does not answer, the database does."""

import contextlib
from typing import Any

from django.contrib.sessions.backends.cached_db import SessionStore as CachedStore
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore


class SessionStore(CachedStore):
    """Django's own asks the cache without a net where it looks up, keeps after a miss, or deletes."""

    # Django's, and not in the stubs.
    _cache: Any
    _get_session_from_db: Any

    def load(self) -> dict[str, Any]:
        try:
            return dict(self._cache.get(self.cache_key))
        except Exception:  # A miss; or the cache is away, and each fails in its own ways.
            stored = self._get_session_from_db()
        if stored is None:
            return {}
        data: dict[str, Any] = self.decode(stored.session_data)
        with contextlib.suppress(Exception):
            self._cache.set(self.cache_key, data, self.get_expiry_age(expiry=stored.expire_date))
        return data

    def exists(self, session_key: str) -> bool:
        return DatabaseStore.exists(self, session_key)

    def delete(self, session_key: str | None = None) -> None:
        DatabaseStore.delete(self, session_key)
        gone = session_key or self.session_key
        if gone is not None:
            with contextlib.suppress(Exception):
                self._cache.delete(self.cache_key_prefix + gone)
