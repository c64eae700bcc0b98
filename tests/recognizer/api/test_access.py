"""Tokens, limits, and what is open to everybody."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from keys.models import Key
from recognizer.models import ModelVersion, Prediction
from tests.fakes import FakeReader

LIST, PREVIEW = "/api/v1/predictions/", "/api/v1/predictions/preview/"
Make = Callable[..., Prediction]

pytestmark = pytest.mark.django_db


def token_of(user: Any) -> str:
    return str(Key.objects.issue(user)[1])


def test_token_call_acts_as_its_user_without_csrf(reader: FakeReader, picture: bytes, user: Any) -> None:
    client = Client(enforce_csrf_checks=True, headers={"Authorization": f"Token {token_of(user)}"})
    response = client.post(LIST, {"image": SimpleUploadedFile("a.png", picture)})
    assert response.status_code == 201
    assert Prediction.objects.get().owner == user
    assert "sessionid" not in response.cookies
    assert [row["id"] for row in client.get(LIST).json()["results"]] == [response.json()["id"]]


def test_only_the_hash_of_a_token_is_stored(user: Any) -> None:
    token = token_of(user)
    assert token not in json.dumps(list(Key.objects.values()), default=str)


@pytest.mark.parametrize(
    "header", ["Token nonsense", "Token", "Token a b", "Token \xff", "Token é", "token " + "0" * 64]
)
def test_invalid_token_is_refused(client: Client, header: str) -> None:
    response = client.get(LIST, headers={"Authorization": header})
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Bearer"
    assert response.json()["code"] == "authentication_failed"
    assert "Send `Authorization: Bearer KEY`" in response.json()["detail"]


@pytest.mark.parametrize("scheme", ["Token", "Bearer", "bearer"])
def test_bearer_and_token_schemes_are_accepted(client: Client, user: Any, make_prediction: Make, scheme: str) -> None:
    mine = make_prediction(owner=user)
    rows = client.get(LIST, headers={"Authorization": f"{scheme} {token_of(user)}"}).json()["results"]
    assert [row["id"] for row in rows] == [mine.pk]


@pytest.mark.parametrize("name", ["Authorization", "X-Api-Key", "Api-Key", "X-Auth-Token", "X-Access-Token"])
@pytest.mark.parametrize("words", ["{}", "Basic {}", "Basic YTpi", "Key {}", "Digest x", ""])
@pytest.mark.parametrize("path", [LIST, PREVIEW, "/api/v1/batches/"])
def test_unknown_credential_returns_401_and_stores_nothing(
    client: Client, reader: FakeReader, picture: bytes, user: Any, name: str, words: str, path: str
) -> None:
    headers = {name: words.format(token_of(user))}
    answer = client.post(path, {"image": SimpleUploadedFile("a.png", picture)}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "authentication_failed")
    assert "Send `Authorization: Bearer KEY`" in answer.json()["detail"]
    assert answer["WWW-Authenticate"] == "Bearer"
    assert not answer.cookies
    assert not Prediction.objects.exists()


def test_call_that_needs_an_account_explains_how_to_log_in(client: Client) -> None:
    answer = client.get("/api/v1/batches/")
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    assert "Send `Authorization: Bearer KEY`" in answer.json()["detail"]


def test_a_revoked_token_is_refused(client: Client, user: Any) -> None:
    token = token_of(user)
    Key.objects.all().delete()
    response = client.get(LIST, headers={"Authorization": f"Token {token}"})
    assert response.status_code == 401


def test_the_token_of_a_locked_account_is_refused(client: Client, user: Any) -> None:
    token = token_of(user)
    user.is_active = False
    user.save()
    response = client.get(LIST, headers={"Authorization": f"Token {token}"})
    assert response.status_code == 401


@pytest.fixture
def tight_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    from recognizer.api.throttling import ScopeByAddress

    rates = {"store": "2/min", "preview": "3/min", "flag": "1/min", "look": "100/min"}
    monkeypatch.setattr(ScopeByAddress, "THROTTLE_RATES", rates)


def preview(client: Client, picture: bytes, **options: Any) -> Any:
    return client.post(PREVIEW, {"image": SimpleUploadedFile("a.png", picture)}, **options)


def test_too_many_calls_get_retry_after(client: Client, reader: FakeReader, picture: bytes, tight_limits: None) -> None:
    assert [preview(client, picture).status_code for _ in range(3)] == [200] * 3
    refused = preview(client, picture)
    assert (refused.status_code, refused.json()["code"]) == (429, "throttled")
    assert 0 < int(refused["Retry-After"]) <= 60
    assert reader.read_count == 3


def test_limits_are_separate_for_each_kind_of_call(
    client: Client, reader: FakeReader, picture: bytes, tight_limits: None
) -> None:
    for _ in range(4):
        preview(client, picture)
    assert client.get(LIST).status_code == 200
    stored = client.post(LIST, {"image": SimpleUploadedFile("a.png", picture)})
    assert stored.status_code == 201


def test_forged_address_does_not_evade_limits(reader: FakeReader, picture: bytes, tight_limits: None) -> None:
    answers = [
        preview(Client(), picture, headers={"X-Forwarded-For": f"10.0.0.{number}"}).status_code for number in range(4)
    ]
    assert answers == [200, 200, 200, 429]


def test_limits_behind_a_proxy_are_per_forwarded_address(
    reader: FakeReader, picture: bytes, tight_limits: None, settings: Any
) -> None:
    settings.TRUST_PROXY = True

    def answers(address: str) -> list[int]:
        forwarded = [f"10.0.0.{number}, {address}" for number in range(4)]
        return [preview(Client(), picture, headers={"X-Forwarded-For": words}).status_code for words in forwarded]

    assert answers("192.0.2.7") == answers("192.0.2.8") == [200, 200, 200, 429]


def test_another_address_has_limits_of_its_own(reader: FakeReader, picture: bytes, tight_limits: None) -> None:
    for _ in range(4):
        preview(Client(), picture)
    assert preview(Client(REMOTE_ADDR="192.0.2.7"), picture).status_code == 200


def test_refused_calls_are_counted(client: Client, tight_limits: None, db: None) -> None:
    answers = [client.post(PREVIEW, "{", content_type="application/json").status_code for _ in range(4)]
    assert answers == [400, 400, 400, 429]


def test_flags_are_limited(client: Client, user: Any, make_prediction: Make, tight_limits: None) -> None:
    client.force_login(user)
    path = f"{LIST}{make_prediction(owner=user).pk}/flag/"
    assert [client.post(path, {"text": "7"}).status_code for _ in range(2)] == [201, 429]


def test_version_list_marks_the_current_one(client: Client, version: ModelVersion) -> None:
    newer = ModelVersion.objects.create(name="newer", litert_sha256="b")
    rows = {row["name"]: row["serving"] for row in client.get("/api/v1/models/").json()}
    assert rows[version.name] is True
    assert rows[newer.name] is False


def test_the_schema_describes_every_address_of_the_api(client: Client) -> None:
    response = client.get("/api/v1/schema/")
    assert response.status_code == 200
    schema = json.loads(response.content)
    assert set(schema["paths"]) == {
        "/api/v1/batches/",
        "/api/v1/batches/{id}/",
        "/api/v1/batches/{id}/cancel/",
        "/api/v1/batches/{id}/results/",
        "/api/v1/models/",
        "/api/v1/predictions/",
        "/api/v1/predictions/preview/",
        "/api/v1/predictions/{id}/",
        "/api/v1/predictions/{id}/crop/",
        "/api/v1/predictions/{id}/flag/",
        "/api/v1/predictions/{id}/image/",
    }
    store = schema["paths"]["/api/v1/predictions/"]["post"]
    assert set(store["requestBody"]["content"]) == {"multipart/form-data", "application/json"}
    assert {"201", "400", "413", "429", "503"} <= set(store["responses"])


def test_api_reference_is_served_by_the_site_only(client: Client) -> None:
    page = client.get("/api/v1/docs/")
    assert page.status_code == 200
    content = page.content.decode()
    assert "swagger-ui-bundle.js" in content
    assert "https://" not in content
    assert "<style" not in content
    script = client.get("/api/v1/docs/?script=")
    assert script["Content-Type"].startswith("application/javascript")


@pytest.mark.parametrize("path", ["/api/", "/api/v1/", "/api/v2/predictions/", "/api/v1/x/\x00"])
def test_unknown_api_address_returns_json(client: Client, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 404
    assert response.json()["code"] == "not_found"


@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_api_address_without_slash_returns_json(client: Client, method: str) -> None:
    response = getattr(client, method)("/api/v1/predictions")
    assert response.status_code == 404
    assert "slash" in response.json()["detail"]
