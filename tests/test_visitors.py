import uuid
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest

from recognizer.visitors import SESSION_KEY, Identity, identity_of


def request_of(user: Any, **session: Any) -> HttpRequest:
    request = HttpRequest()
    request.user = user
    request.session = session  # type: ignore[assignment]
    return request


def test_a_stranger_is_nobody() -> None:
    request = request_of(AnonymousUser())
    assert identity_of(request) is None
    assert SESSION_KEY not in request.session


def test_a_stranger_becomes_a_visitor_where_asked_to() -> None:
    request = request_of(AnonymousUser())
    identity = identity_of(request, create=True)
    assert identity is not None
    assert identity.user is None
    assert identity_of(request) == identity_of(request, create=True) == identity


def test_two_strangers_become_two_visitors() -> None:
    first, second = (identity_of(request_of(AnonymousUser()), create=True) for _ in range(2))
    assert first != second


@pytest.mark.django_db
def test_a_user_is_the_user_whatever_the_session_remembers(user: Any) -> None:
    request = request_of(user, **{SESSION_KEY: str(uuid.uuid4())})
    assert identity_of(request, create=True) == Identity(user=user)


@pytest.mark.parametrize("kept", ["nonsense", 7, ["x"], ""])
def test_a_session_that_holds_no_visitor_is_nobodys(kept: Any) -> None:
    request = request_of(AnonymousUser(), **{SESSION_KEY: kept})
    assert identity_of(request) is None
    assert identity_of(request, create=True) is not None


@pytest.mark.django_db
def test_an_identity_is_one_of_the_two(user: Any) -> None:
    with pytest.raises(ValueError, match="a user or a visitor"):
        Identity()
    with pytest.raises(ValueError, match="a user or a visitor"):
        Identity(user=user, visitor=uuid.uuid4())
