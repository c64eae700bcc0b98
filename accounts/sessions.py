"""Lifetime and list of sessions."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from allauth.usersessions.adapter import DefaultUserSessionsAdapter
from allauth.usersessions.models import UserSession
from django.contrib.auth import SESSION_KEY
from django.db import DatabaseError, IntegrityError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext

from core.audit import record
from core.models import Event
from recognizer.identity import keep_visitor
from recognizer.models import Usage

HOUR, DAY = 3600, 24 * 3600
STAFF, PEOPLE, REMEMBERED = 8 * HOUR, 14 * DAY, 90 * DAY
"""Seconds without a request after which a session ends."""

STEP = 300
"""Least seconds between two writes of a session's expiry."""

REMEMBER, SEEN_AT = "remember", "seen_at"
BROWSERS = {"Edg/": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari"}
SYSTEMS = {
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Windows": "Windows",
    "CrOS": "ChromeOS",
    "Mac OS": "macOS",
    "Linux": "Linux",
}


class IdleSessions:
    """Extend a session with each request, and the visitor's cookie too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        # Requests that do not use the session cost no query.
        if request.session.accessed and SESSION_KEY in request.session and request.user.is_authenticated:
            extend_session(request)
        elif visitor := keep_visitor(request, response):
            # Updated daily; one missed update matters only after a month without a visit.
            with suppress(DatabaseError):
                Usage.objects.touch(visitor)
        return response


def lifetime(request: HttpRequest) -> int:
    """Return the idle timeout of a request's session, in seconds."""
    if getattr(request.user, "is_staff", False):
        return STAFF
    return REMEMBERED if request.session.get(REMEMBER) else PEOPLE


def extend_session(request: HttpRequest) -> None:
    session, seconds, now = request.session, lifetime(request), time.time()
    if now - session.get(SEEN_AT, 0) < STEP and session.get("_session_expiry") == seconds:
        return
    session[SEEN_AT] = int(now)
    session.set_expiry(seconds)
    # The account may have been deleted meanwhile.
    with suppress(IntegrityError):
        UserSession.objects.create_from_request(request)


class Sessions(DefaultUserSessionsAdapter):
    """Ends sessions and records it in the audit log."""

    def end_sessions(self, sessions: Any) -> None:
        super().end_sessions(sessions)
        for session in sessions:
            record(Event.SESSION_ENDED, session.user)


def browser_of(agent: str) -> str:
    """Name the browser and system in a User-Agent header."""
    browser = next((name for mark, name in BROWSERS.items() if mark in agent), gettext("Another program"))
    system = next((name for mark, name in SYSTEMS.items() if mark in agent), "")
    return gettext("%(browser)s on %(system)s") % {"browser": browser, "system": system} if system else browser
