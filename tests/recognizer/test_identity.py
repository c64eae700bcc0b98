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


def test_request_without_cookie_has_no_identity() -> None:
    assert identity_of(request_of(AnonymousUser())) is None


def test_visitor_cookie_restores_the_visitor() -> None:
    visitor = Identity.new_visitor()
    assert identity_of(request_of(AnonymousUser(), cookies_of(visitor))) == visitor


def test_visitor_of_an_older_session_is_recognised() -> None:
    visitor = Identity.new_visitor()
    request = request_of(AnonymousUser(), cookies_of(Identity.new_visitor()), **{SESSION_KEY: str(visitor.visitor)})
    assert identity_of(request) == visitor


@pytest.mark.django_db
def test_log_in_outranks_the_visitor_cookie(user: Any) -> None:
    request = request_of(user, cookies_of(Identity.new_visitor()), **{SESSION_KEY: str(uuid.uuid4())})
    assert identity_of(request) == Identity(user=user)
    assert cookies_of(Identity(user=user)) == {}


@pytest.mark.parametrize("kept", ["nonsense", 7, ["x"], ""])
def test_session_without_a_visitor_gives_no_identity(kept: Any) -> None:
    assert identity_of(request_of(AnonymousUser(), **{SESSION_KEY: kept})) is None


@pytest.mark.parametrize("kept", ["", "nonsense", VISITOR, f"{VISITOR}:1a2b3c:forged", "a:b:c", "é"])
def test_forged_cookie_is_ignored(kept: str) -> None:
    assert identity_of(request_of(AnonymousUser(), {COOKIE: kept})) is None


def test_cookie_signed_for_another_purpose_is_ignored(settings: Any) -> None:
    response = HttpResponse()
    response.set_signed_cookie(COOKIE, str(uuid.uuid4()), salt="another")
    assert identity_of(request_of(AnonymousUser(), {COOKIE: response.cookies[COOKIE].value})) is None


@pytest.mark.parametrize("https", [True, False])
def test_visitor_cookie_is_http_only_and_same_site(settings: Any, https: bool) -> None:
    settings.SESSION_COOKIE_SECURE = https
    response = HttpResponse()
    remember_visitor(response, Identity.new_visitor())
    cookie = response.cookies[COOKIE]
    assert (cookie["httponly"], cookie["samesite"], bool(cookie["secure"])) == (True, "Lax", https)


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/upload/"])
def test_page_sets_the_visitor_cookie_and_stores_nothing(client: Client, path: str) -> None:
    first = client.get(path)
    assert identity_of(request_of(AnonymousUser(), {COOKIE: first.cookies[COOKIE].value})) is not None
    assert COOKIE not in client.get(path).cookies, "the browser has one"
    assert not Session.objects.exists()


@pytest.mark.django_db
def test_page_gives_a_user_no_visitor_cookie(client: Client, user: Any) -> None:
    client.force_login(user)
    assert COOKIE not in client.get("/").cookies


@pytest.mark.django_db
def test_identity_is_either_user_or_visitor(user: Any) -> None:
    with pytest.raises(ValueError, match="a user or a visitor"):
        Identity()
    with pytest.raises(ValueError, match="a user or a visitor"):
        Identity(user=user, visitor=uuid.uuid4())
