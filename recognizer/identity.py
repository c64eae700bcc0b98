"""Who sends a request: a user, or an anonymous visitor with a UUID in a signed cookie."""

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from keys.models import Scope, Secret

if TYPE_CHECKING:
    from django.contrib.auth.models import User

COOKIE = "visitor"
DAY = 24 * 3600
MAX_AGE = settings.VISITOR_IDLE_DAYS * DAY
"""Seconds after the last visit for which a visitor's history is kept, rounded to days."""

NOBODY = uuid.UUID(int=0)
"""The visitor that owns images imported without a user."""

Owner = tuple[int | None, uuid.UUID | None]
"""The number of a user, or a visitor."""

SESSION_KEY = "visitor"
"""Session key of the UUID of visitors from before the cookie existed."""


@dataclass(frozen=True)
class Identity:
    """The owner of predictions: exactly one of user and visitor is set.

    own_only: never reach other people's rows, because the call's key lacks the scope `others`, or was created without
    the second factor that staff need.
    """

    user: "User | None" = None
    visitor: uuid.UUID | None = None
    own_only: bool = False

    def __post_init__(self) -> None:
        if (self.user is None) == (self.visitor is None):
            raise ValueError("an identity is a user or a visitor")

    @property
    def owner(self) -> Owner:
        return (None if self.user is None else self.user.pk), self.visitor

    @classmethod
    def new_visitor(cls) -> Self:
        return cls(visitor=uuid.uuid4())

    def may(self, permission: str) -> bool:
        """Return whether this is staff with a Django permission to other people's rows."""
        if self.user is None or self.own_only:
            return False
        return self.user.is_staff and self.user.has_perm(permission)


def identity_of(request: HttpRequest) -> Identity | None:
    """Return who sent a request; None for a visitor without a cookie."""
    if request.user.is_authenticated:
        auth = getattr(request, "auth", None)
        own_only = isinstance(auth, Secret) and not (Scope.OTHERS in auth.key.scopes and auth.key.may_act_as_staff)
        return Identity(user=request.user, own_only=own_only)
    visitor = visitor_of(request)
    return None if visitor is None else Identity(visitor=visitor)


def visitor_of(request: HttpRequest) -> uuid.UUID | None:
    """Return the visitor in the browser's cookie, even if a user is logged in."""
    value = request.session.get(SESSION_KEY) or request.get_signed_cookie(COOKIE, None, salt=COOKIE, max_age=MAX_AGE)
    try:
        return uuid.UUID(value)
    except (TypeError, ValueError, AttributeError):
        return None


def keep_visitor(request: HttpRequest, response: HttpResponse) -> uuid.UUID | None:
    """Extend a returning visitor's cookie, once a day. Returns the visitor then."""
    if COOKIE not in request.COOKIES or COOKIE in response.cookies:
        return None
    if request.get_signed_cookie(COOKIE, None, salt=COOKIE, max_age=DAY) is not None:
        return None
    visitor = visitor_of(request)
    if visitor is not None:
        remember_visitor(response, Identity(visitor=visitor))
    return visitor


def remember_visitor(response: HttpResponse, identity: Identity) -> None:
    """Set the cookie of a visitor; do nothing for a user. Nothing is stored on the server."""
    if identity.visitor is not None:
        response.set_signed_cookie(
            COOKIE,
            str(identity.visitor),
            salt=COOKIE,
            max_age=MAX_AGE,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
