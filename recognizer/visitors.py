"""Who asks: a user, or an anonymous visitor known by a UUID in the session."""

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.http import HttpRequest

if TYPE_CHECKING:
    from django.contrib.auth.models import User

SESSION_KEY = "visitor"


@dataclass(frozen=True)
class Identity:
    """The owner of predictions: exactly one of user and visitor is set."""

    user: "User | None" = None
    visitor: uuid.UUID | None = None

    def __post_init__(self) -> None:
        if (self.user is None) == (self.visitor is None):
            raise ValueError("an identity is a user or a visitor")

    @property
    def is_staff(self) -> bool:
        return self.user is not None and self.user.is_staff


def identity_of(request: HttpRequest, create: bool = False) -> Identity | None:
    """Tell who sent a request; None for a stranger who has left nothing here yet.

    The visitor's UUID is not the session's key, which changes at log-in. With `create`, a stranger gets one.
    """
    if request.user.is_authenticated:
        return Identity(user=request.user)
    try:
        return Identity(visitor=uuid.UUID(request.session.get(SESSION_KEY)))
    except (TypeError, ValueError, AttributeError):
        if not create:
            return None
    visitor = uuid.uuid4()
    request.session[SESSION_KEY] = str(visitor)
    return Identity(visitor=visitor)
