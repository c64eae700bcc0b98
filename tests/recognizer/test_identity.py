import uuid
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.models import Session
from django.http import HttpRequest, HttpResponse
from django.test import Client

from recognizer.identity import COOKIE, SESSION_KEY, Identity, identity_of, remember_visitor

VISITOR = str(uuid.UUID(int=7))


def request_of(user: Any, cookies: dict[str, str] | None = None, **session: Any) -> HttpRequest:
    request = HttpRequest()
    request.user = user
    request.session = session  # type: ignore[assignment]
    request.COOKIES = cookies or {}
    return request


def cookies_of(identity: Identity) -> dict[str, str]:
    response = HttpResponse()
    remember_visitor(response, identity)
    return {name: morsel.value for name, morsel in response.cookies.items()}


def test_a_stranger_is_nobody() -> None:
    assert identity_of(request_of(AnonymousUser())) is None


def test_a_remembered_visitor_is_the_same_again() -> None:
    visitor = Identity.new_visitor()
    assert identity_of(request_of(AnonymousUser(), cookies_of(visitor))) == visitor


def test_a_visitor_of_an_old_session_is_still_known() -> None:
    visitor = Identity.new_visitor()
    request = request_of(AnonymousUser(), cookies_of(Identity.new_visitor()), **{SESSION_KEY: str(visitor.visitor)})
    assert identity_of(request) == visitor


@pytest.mark.django_db
def test_a_user_is_the_user_whatever_is_remembered(user: Any) -> None:
    request = request_of(user, cookies_of(Identity.new_visitor()), **{SESSION_KEY: str(uuid.uuid4())})
    assert identity_of(request) == Identity(user=user)
    assert cookies_of(Identity(user=user)) == {}


@pytest.mark.parametrize("kept", ["nonsense", 7, ["x"], ""])
def test_a_session_that_holds_no_visitor_is_nobodys(kept: Any) -> None:
    assert identity_of(request_of(AnonymousUser(), **{SESSION_KEY: kept})) is None


@pytest.mark.parametrize("kept", ["", "nonsense", VISITOR, f"{VISITOR}:1a2b3c:forged", "a:b:c", "é"])
def test_a_forged_cookie_is_nobodys(kept: str) -> None:
    assert identity_of(request_of(AnonymousUser(), {COOKIE: kept})) is None


def test_a_cookie_of_another_kind_is_nobodys(settings: Any) -> None:
    response = HttpResponse()
    response.set_signed_cookie(COOKIE, str(uuid.uuid4()), salt="another")
    assert identity_of(request_of(AnonymousUser(), {COOKIE: response.cookies[COOKIE].value})) is None


@pytest.mark.parametrize("https", [True, False])
def test_the_cookie_is_kept_from_scripts_and_other_sites(settings: Any, https: bool) -> None:
    settings.SESSION_COOKIE_SECURE = https
    response = HttpResponse()
    remember_visitor(response, Identity.new_visitor())
    cookie = response.cookies[COOKIE]
    assert (cookie["httponly"], cookie["samesite"], bool(cookie["secure"])) == (True, "Lax", https)


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/upload/"])
def test_a_page_gives_an_identity_and_stores_nothing(client: Client, path: str) -> None:
    first = client.get(path)
    assert identity_of(request_of(AnonymousUser(), {COOKIE: first.cookies[COOKIE].value})) is not None
    assert COOKIE not in client.get(path).cookies, "the browser has one"
    assert not Session.objects.exists()


@pytest.mark.django_db
def test_a_page_gives_a_user_no_other_identity(client: Client, user: Any) -> None:
    client.force_login(user)
    assert COOKIE not in client.get("/").cookies


@pytest.mark.django_db
def test_an_identity_is_one_of_the_two(user: Any) -> None:
    with pytest.raises(ValueError, match="a user or a visitor"):
        Identity()
    with pytest.raises(ValueError, match="a user or a visitor"):
        Identity(user=user, visitor=uuid.uuid4())
