"""Time of the last proof of identity: log-in, or password or second factor entered again."""

import time
from typing import Any

from django.http import HttpRequest

PROVED_AT = "proved_at"
"""Session key of the time, in seconds since 1970."""

LASTS = 3600
"""Seconds a proof is valid for keys, admin, promotion and second factors."""


def note_log_in(request: HttpRequest, **kwargs: Any) -> None:
    request.session[PROVED_AT] = time.time()


def note_step(request: HttpRequest, reauthenticated: bool = False, **kwargs: Any) -> None:
    """Record a proof of a logged-in user. One of two factors does not count yet."""
    if reauthenticated:
        request.session[PROVED_AT] = time.time()


def has_lapsed(request: HttpRequest) -> bool:
    return bool(time.time() - request.session.get(PROVED_AT, 0) > LASTS)
