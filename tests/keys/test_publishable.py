"""Publishable keys only read previews for pages of the origins that they name."""

import html
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from keys.forms import origin_of
from keys.models import MAX_ORIGINS, Key
from recognizer.api.throttling import ScopeByAddress
from recognizer.models import Prediction
from tests.factories import user_client
from tests.fakes import FakeReader

PREVIEW, PAGE = "/api/v1/predictions/preview/", "/api-access/publishable/"
SHOP, OTHER = "https://shop.example", "https://other.example"
NEW_KEY = {"name": "checkout", "origins": f"{SHOP}/cart\nhttp://localhost:3000", "days": "", "limit": "60"}

pytestmark = pytest.mark.django_db


@pytest.fixture
def mine(user: User) -> Client:
    return user_client(user)


@pytest.fixture
def token(user: User) -> str:
    return Key.objects.issue(user, origins=[SHOP])[1]


def call(picture: bytes, token: str, origin: str | None = SHOP, client: Client | None = None, **options: Any) -> Any:
    headers = {"Authorization": f"Bearer {token}"} | ({"Origin": origin} if origin is not None else {})
    body = {"image": SimpleUploadedFile("a.png", picture)}
    return (client or Client()).post(PREVIEW, body, headers=headers, **options)


def refusal(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


def preflight(origin: str, path: str = PREVIEW) -> Any:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    return Client().options(path, headers=headers)


def test_page_makes_a_key_and_shows_the_lines_to_paste(mine: Client, user: User) -> None:
    page = html.unescape(mine.post(PAGE, NEW_KEY, follow=True).content.decode())
    (token,) = re.findall(r'id="fresh-token">(pk_[^<]+)<', page)
    assert f'key="{token}"' in page
    assert "Bearer YOUR_TOKEN" in page
    key = Key.objects.get()
    assert (key.user, key.name, key.scopes, key.limit, key.start) == (user, "checkout", ["preview"], 60, token[:15])
    assert [str(origin) for origin in key.origins.all()] == ["http://localhost:3000", SHOP]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("origins", ""), ("origins", "shop.example"), ("origins", "https://"), ("origins", "file:///a"),
        ("origins", "https://[::1"), ("origins", "https://a.example:port"), ("origins", "null"), ("origins", "*"),
        ("origins", "https://a\x00b"), ("origins", f"https://{'a' * 64}.example"),
        ("origins", "\n".join(f"https://{number}.example" for number in range(MAX_ORIGINS + 1))),
        ("limit", ""), ("limit", "0"), ("name", ""),
    ],
)  # fmt: skip
def test_invalid_form_makes_no_key(mine: Client, field: str, value: str) -> None:
    answer = mine.post(PAGE, NEW_KEY | {field: value})
    assert answer.status_code == 400
    assert "errorlist" in answer.content.decode()
    assert not Key.objects.exists()


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("HTTPS://Shop.Example:443/cart?a=1", SHOP),
        ("http://localhost:3000", "http://localhost:3000"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("http://[::1]:80/", "http://[::1]"),
        ("https://user:secret@shop.example", SHOP),
    ],
)
def test_origin_is_normalised_as_browsers_send_it(address: str, origin: str) -> None:
    assert origin_of(address) == origin


def test_invalid_origin_is_refused() -> None:
    with pytest.raises(ValidationError, match="not a web address"):
        origin_of("javascript:alert(1)")


def test_changed_origins_apply_at_once(mine: Client, reader: FakeReader, picture: bytes, user: User) -> None:
    key, token = Key.objects.issue(user, limit=60, origins=[SHOP])
    page = mine.get(key.get_absolute_url()).content.decode()
    assert SHOP in page
    assert 'name="scopes"' not in page
    changed = mine.post(key.get_absolute_url(), {"name": "till", "origins": OTHER, "limit": "9"})
    assert changed.status_code == 302
    key = Key.objects.get()
    assert (key.name, key.limit, key.scopes) == ("till", 9, ["preview"])
    assert refusal(call(picture, token)) == (403, "origin_not_allowed")
    assert call(picture, token, OTHER).status_code == 200


def test_renewed_key_stays_publishable(user: User) -> None:
    key, _ = Key.objects.issue(user, origins=[SHOP])
    assert key.renew().startswith("pk_")


def test_secret_key_cannot_be_given_the_scope_preview(mine: Client) -> None:
    answer = mine.post("/api-access/", {"name": "a key", "scopes": ["preview"], "days": ""})
    assert answer.status_code == 400


def test_page_of_its_origin_reads_and_stores_nothing(reader: FakeReader, picture: bytes, token: str) -> None:
    answer = call(picture, token)
    assert (answer.status_code, answer.json()["text"]) == (200, "42")
    assert answer["Access-Control-Allow-Origin"] == SHOP
    assert not answer.has_header("Access-Control-Allow-Credentials")
    assert not answer.cookies
    assert not Prediction.objects.exists()


@pytest.mark.parametrize("origin", [OTHER, None, "null", "", f"{SHOP}.evil.example", "http://shop.example", "*"])
def test_unnamed_or_missing_origin_is_refused(
    reader: FakeReader, picture: bytes, token: str, origin: str | None
) -> None:
    answer = call(picture, token, origin)
    assert refusal(answer) == (403, "origin_not_allowed")
    assert not answer.has_header("Access-Control-Allow-Origin")


def test_site_allowed_elsewhere_still_needs_its_key(
    settings: Any, reader: FakeReader, picture: bytes, token: str
) -> None:
    settings.CORS_ALLOWED_ORIGINS = [OTHER]
    assert refusal(call(picture, token, OTHER)) == (403, "origin_not_allowed")


def test_publishable_key_of_another_site_is_refused(
    reader: FakeReader, picture: bytes, token: str, other_user: User
) -> None:
    Key.objects.issue(other_user, origins=[OTHER])
    assert refusal(call(picture, token, OTHER)) == (403, "origin_not_allowed")


def test_preflight_is_answered_to_origins_of_keys_alone(token: str) -> None:
    assert preflight(SHOP)["Access-Control-Allow-Origin"] == SHOP
    assert "authorization" in preflight(SHOP)["Access-Control-Allow-Headers"]
    assert not preflight(OTHER).has_header("Access-Control-Allow-Origin")
    for path in ("/api/v1/predictions/", "/api/v1/models/", "/api/v1/batches/", "/api-access/", "/"):
        assert not preflight(SHOP, path).has_header("Access-Control-Allow-Origin"), path


def test_publishable_key_is_refused_for_other_calls(
    client: Client, token: str, make_prediction: Any, user: User
) -> None:
    pk = make_prediction(owner=user).pk
    headers = {"Authorization": f"Bearer {token}", "Origin": SHOP}
    paths = client.get("/api/v1/schema/").json()["paths"]
    calls = [(method, path) for path, methods in paths.items() for method in methods if method != "parameters"]
    assert len(calls) > 12
    for method, path in calls:
        answer = getattr(client, method)(path.replace("{id}", str(pk)), headers=headers)
        if path == PREVIEW:
            assert refusal(answer) == (400, "missing_image")
        else:
            # It has no user, so calls that need one are refused.
            assert answer.status_code in (401, 403), (method, path)


def test_publishable_key_ignores_the_callers_session(
    mine: Client, reader: FakeReader, picture: bytes, token: str, make_prediction: Any, user: User
) -> None:
    make_prediction(owner=user)
    answer = call(picture, token, client=mine)
    assert answer.status_code == 200
    assert "preview" in answer["RateLimit"]
    assert not answer.cookies
    headers = {"Authorization": f"Bearer {token}", "Origin": SHOP}
    assert refusal(mine.get("/api/v1/predictions/", headers=headers)) == (403, "missing_scope")
    image = {"image": SimpleUploadedFile("a.png", picture)}
    assert refusal(mine.post("/api/v1/predictions/", image, headers=headers)) == (403, "missing_scope")
    assert Prediction.objects.count() == 1


def test_key_limit_counts_all_addresses_together(reader: FakeReader, picture: bytes, user: User) -> None:
    _, token = Key.objects.issue(user, limit=2, origins=[SHOP])
    answers = [call(picture, token, REMOTE_ADDR=f"192.0.2.{number}") for number in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]


def test_limit_of_an_address_does_not_affect_others(
    reader: FakeReader, picture: bytes, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ScopeByAddress, "THROTTLE_RATES", {"preview": "1/min"})
    answers = [call(picture, token, REMOTE_ADDR=f"192.0.2.{number}") for number in (1, 1, 2)]
    assert [answer.status_code for answer in answers] == [200, 429, 200]


@pytest.mark.parametrize("token", ["pk_", "pk_nonsense", "pk_pk_a", "pk_%00", "pk_é"])
def test_made_up_token_is_refused(reader: FakeReader, picture: bytes, token: str) -> None:
    assert refusal(call(picture, token)) == (401, "authentication_failed")


def test_module_is_for_pages_of_all_sites(client: Client) -> None:
    answer = client.get("/digit-pad.js", headers={"Origin": OTHER})
    assert (answer.status_code, answer["Location"]) == (302, "/static/js/digit-pad.js")
    assert answer["Access-Control-Allow-Origin"] == "*"
