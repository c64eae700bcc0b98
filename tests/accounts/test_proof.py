"""Dangerous actions ask for the password again after an hour."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from keys.models import Key
from recognizer.models import ModelVersion
from tests.factories import user_client

PASSWORD = "a long pass phrase"
NEW_KEY = {"name": "scanner", "scopes": ["read"], "days": ""}

pytestmark = pytest.mark.django_db


def lapsed_client(user: User) -> Client:
    """A browser in which somebody logged in more than an hour ago."""
    client = user_client(user)
    session = client.session
    session["proved_at"] -= 3601
    session.save()
    return client


def prove(client: Client, answer: Any, password: str = PASSWORD) -> Any:
    return client.post(answer["Location"], {"password": password})


def test_key_creation_asks_for_the_password_again(user: User) -> None:
    client = lapsed_client(user)
    answer = client.post("/api-access/", NEW_KEY)
    assert answer["Location"] == "/accounts/reauthenticate/?next=%2Fapi-access%2F"
    assert not Key.objects.exists()
    assert "not your password" in prove(client, answer, "a guess").content.decode()
    assert not Key.objects.exists()
    assert prove(client, answer)["Location"] == "/api-access/"
    assert Key.objects.get().name == "scanner"
    client.post("/api-access/", NEW_KEY)
    assert Key.objects.count() == 2, "it asks once an hour"


@pytest.mark.parametrize("path", ["/api-access/keys/{key}/", "/api-access/keys/{key}/renew/"])
def test_key_change_asks_for_the_password_again(user: User, path: str) -> None:
    key, token = Key.objects.issue(user)
    client = lapsed_client(user)
    answer = client.post(path.format(key=key.pk), NEW_KEY)
    assert answer["Location"].startswith("/accounts/reauthenticate/")
    key.refresh_from_db()
    assert (key.name, key.start) == ("key", token[:15])


def test_key_revocation_needs_no_password(user: User) -> None:
    key, _ = Key.objects.issue(user)
    lapsed_client(user).post(f"/api-access/keys/{key.pk}/revoke/")
    assert not Key.objects.exists()


@pytest.mark.parametrize("method", ["get", "post"])
def test_admin_asks_for_the_password_again_and_drops_the_form(superuser: User, method: str) -> None:
    client = lapsed_client(superuser)
    new = {"username": "emmy", "password1": PASSWORD, "password2": PASSWORD}
    answer = getattr(client, method)("/admin/auth/user/add/", new)
    assert answer["Location"].startswith("/accounts/reauthenticate/?next=/admin/auth/user/add/")
    assert PASSWORD not in str(dict(client.session))
    assert prove(client, answer)["Location"].startswith("/admin/auth/user/add/")
    assert client.get("/admin/").status_code == 200


def test_promotion_asks_for_the_password_again(superuser: User, version: ModelVersion) -> None:
    client = lapsed_client(superuser)
    answer = client.post("/dashboard/promote/", {"version": version.name})
    assert answer["Location"] == "/accounts/reauthenticate/?next=%2Fdashboard%2Fpromote%2F"
    assert prove(client, answer)["Location"] == "/dashboard/"


def test_attempts_to_confirm_the_password_are_limited(user: User) -> None:
    client = lapsed_client(user)
    answers = [client.post("/accounts/reauthenticate/", {"password": "a guess"}).status_code for _ in range(11)]
    assert answers[-1] == 429


def test_proof_redirects_only_within_the_site(user: User) -> None:
    client = lapsed_client(user)
    answer = client.post("/accounts/reauthenticate/?next=//elsewhere.example/", {"password": PASSWORD})
    assert answer["Location"] == "/history/"


def test_viewing_pages_needs_no_recent_password(user: User, make_prediction: Callable[..., Any]) -> None:
    made = make_prediction(owner=user)
    client = lapsed_client(user)
    for path in ("/history/", f"/predictions/{made.pk}/", "/api-access/", "/accounts/"):
        assert client.get(path).status_code == 200
