"""Sessions in the database, cached. If the cache is unreachable, sessions are read from the database."""

import contextlib
from typing import Any

from django.contrib.sessions.backends.cached_db import SessionStore as CachedStore
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore


class SessionStore(CachedStore):
    """Like Django's cached_db, but errors of the cache are ignored."""

    # Django's, and not in the stubs.
    _cache: Any
    _get_session_from_db: Any

    def load(self) -> dict[str, Any]:
        try:
            return dict(self._cache.get(self.cache_key))
        except Exception:  # A miss, or the cache is unreachable; each cache has exceptions of its own.
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
