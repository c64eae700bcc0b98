"""Calls from pages of other sites."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from keys.models import Key
from recognizer.models import Prediction
from tests.fakes import FakeReader

STORE = "/api/v1/predictions/"
APP, OTHER = "https://app.example", "https://other.example"

pytestmark = pytest.mark.django_db


@pytest.fixture
def allowed(settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = [APP]


def preflight(client: Client, origin: str, path: str = STORE) -> Any:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,idempotency-key",
    }
    return client.options(path, headers=headers)


def test_allowed_origin_gets_cors_headers(
    client: Client, allowed: None, reader: FakeReader, picture: bytes, user: Any
) -> None:
    asked = preflight(client, APP)
    assert (asked.status_code, asked["Access-Control-Allow-Origin"]) == (200, APP)
    for name in ("authorization", "content-type", "idempotency-key"):
        assert name in asked["Access-Control-Allow-Headers"]
    assert "DELETE" in asked["Access-Control-Allow-Methods"]
    headers = {"Origin": APP, "Authorization": f"Bearer {Key.objects.issue(user)[1]}"}
    answer = client.post(STORE, {"image": SimpleUploadedFile("a.png", picture)}, headers=headers)
    assert (answer.status_code, answer["Access-Control-Allow-Origin"]) == (201, APP)
    assert "Location" in answer["Access-Control-Expose-Headers"]
    assert Prediction.objects.get().owner == user


def test_cors_allows_no_cookies(client: Client, allowed: None, reader: FakeReader, picture: bytes, user: Any) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(user)
    answer = browser.post(STORE, {"image": SimpleUploadedFile("a.png", picture)}, headers={"Origin": APP})
    assert answer.status_code == 403
    assert not answer.has_header("Access-Control-Allow-Credentials")
    assert not Prediction.objects.exists()


def test_a_refusal_can_be_read_by_an_allowed_origin(client: Client, allowed: None) -> None:
    answer = client.get(STORE, headers={"Origin": APP, "Authorization": "Bearer nonsense"})
    assert (answer.status_code, answer["Access-Control-Allow-Origin"]) == (401, APP)


@pytest.mark.parametrize("origin", [OTHER, "null", "https://app.example.evil.example"])
def test_other_origin_gets_no_cors_headers(client: Client, allowed: None, origin: str) -> None:
    for answer in (preflight(client, origin), client.get(STORE, headers={"Origin": origin})):
        assert not answer.has_header("Access-Control-Allow-Origin")


def test_no_origin_is_allowed_by_default(client: Client) -> None:
    assert not preflight(client, APP).has_header("Access-Control-Allow-Origin")


def test_cors_applies_to_the_api_only(client: Client, allowed: None) -> None:
    assert not client.get("/history/", headers={"Origin": APP}).has_header("Access-Control-Allow-Origin")


@pytest.mark.parametrize("path", [STORE, f"{STORE}preview/", f"{STORE}1/", f"{STORE}1/image/", f"{STORE}1/flag/"])
def test_options_lists_the_methods(client: Client, make_prediction: Any, path: str) -> None:
    answer = client.options(path)
    assert (answer.status_code, answer.content) == (200, b"")
    assert "OPTIONS" in answer["Allow"]


def test_options_needs_no_scope(client: Client, user: Any) -> None:
    token = Key.objects.issue(user, scopes=["batch"])[1]
    headers = {"Authorization": f"Bearer {token}"}
    for path in (STORE, "/api/v1/batches/", "/api/v1/models/"):
        assert client.options(path, headers=headers).status_code == 200
