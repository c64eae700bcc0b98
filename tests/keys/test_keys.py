"""Keys: owners, scopes, expiry, limits and usage."""

import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import get_resolver
from django.utils import timezone

from keys import usage
from keys.models import GRACE, MAX_KEYS, DayOfUse, Key, Scope, Secret, TooManyKeys
from recognizer.api.permissions import ScopeOfKey
from recognizer.models import Prediction
from tests.batches.zips import zip_of
from tests.factories import user_client
from tests.fakes import FakeReader

Make = Callable[..., Prediction]
LIST, PAGE = "/api/v1/predictions/", "/api-access/"
NEW_KEY = {"name": "scanner", "scopes": ["read", "write"], "days": "90", "limit": ""}

pytestmark = pytest.mark.django_db


@pytest.fixture
def mine(user: User) -> Client:
    return user_client(user)


def page(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


def caller(token: str) -> Client:
    return Client(headers={"Authorization": f"Token {token}"})


def refusal(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


def test_new_token_is_shown_once_with_examples(mine: Client) -> None:
    made = mine.post("/api-access/", NEW_KEY)
    assert (made.status_code, made.url) == (302, "/api-access/")
    shown = page(mine, "/api-access/")
    (token,) = re.findall(r'id="fresh-token">([^<]+)<', shown)
    assert shown.count(token) == 4
    assert token not in page(mine, "/api-access/")
    caller = Client(headers={"Authorization": f"Token {token}"})
    assert caller.get("/api/v1/predictions/").status_code == 200


def test_reloading_the_new_token_page_creates_no_key(mine: Client) -> None:
    assert mine.post("/api-access/", NEW_KEY, follow=True).request["REQUEST_METHOD"] == "GET"
    page(mine, "/api-access/")
    assert Key.objects.count() == 1


def test_new_token_is_hidden_from_the_browsers_next_user(mine: Client, other_user: User) -> None:
    answer = mine.post("/api-access/", NEW_KEY)
    other = user_client(other_user)
    other.cookies["fresh_token"] = answer.cookies["fresh_token"].value
    assert "fresh-token" not in page(other, "/api-access/")


@pytest.mark.parametrize("made_up", ["a token", "a:b:c", ""])
def test_forged_cookie_shows_no_token(mine: Client, made_up: str) -> None:
    mine.cookies["fresh_token"] = made_up
    assert "fresh-token" not in page(mine, "/api-access/")


def test_keys_of_a_user_are_limited(mine: Client, user: User) -> None:
    for _ in range(MAX_KEYS):
        Key.objects.issue(user)
    with pytest.raises(TooManyKeys):
        Key.objects.issue(user)
    shown = mine.post("/api-access/", NEW_KEY, follow=True).content.decode()
    assert "You already have 10 keys, the most allowed. Revoke one first." in shown
    assert Key.objects.count() == 10


def test_key_form_creates_a_key_with_its_settings(mine: Client, user: User) -> None:
    mine.post(PAGE, NEW_KEY | {"limit": "7"})
    key = Key.objects.get()
    assert (key.user, key.name, key.scopes, key.limit) == (user, "scanner", ["read", "write"], 7)
    assert key.expires_at is not None
    assert timedelta(days=89) < key.expires_at - timezone.now() <= timedelta(days=90)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""), ("name", "x" * 61), ("name", "a\x00b"), ("scopes", []), ("scopes", ["admin"]),
        ("days", "31"), ("limit", "0"), ("limit", "1201"), ("limit", "many"),
    ],
)  # fmt: skip
def test_invalid_key_form_shows_errors_and_creates_no_key(mine: Client, field: str, value: Any) -> None:
    response = mine.post(PAGE, NEW_KEY | {field: value})
    assert response.status_code == 400
    assert "errorlist" in response.content.decode()
    assert not Key.objects.exists()


def test_a_key_is_changed(mine: Client, user: User) -> None:
    key, token = Key.objects.issue(user, days=30)
    mine.post(key.get_absolute_url(), {"name": "printer", "scopes": ["batch"], "limit": "5"})
    changed = Key.objects.get()
    assert (changed.name, changed.scopes, changed.limit, changed.expires_at) == (
        "printer", ["batch"], 5, key.expires_at,
    )  # fmt: skip
    refused = mine.post(key.get_absolute_url(), {"name": "", "scopes": ["batch"]})
    assert refused.status_code == 400
    assert "<h1>printer</h1>" in refused.content.decode()
    assert refusal(caller(token).get(LIST)) == (403, "missing_scope")


CALLS: dict[Scope, list[tuple[str, str]]] = {
    Scope.READ: [("get", LIST), ("get", LIST + "{pk}/"), ("get", LIST + "{pk}/image/")],
    Scope.WRITE: [("post", LIST), ("post", LIST + "preview/"), ("post", LIST + "{pk}/flag/"),
                  ("delete", LIST + "{pk}/")],
    Scope.BATCH: [("get", "/api/v1/batches/"), ("post", "/api/v1/batches/")],
}  # fmt: skip


@pytest.mark.parametrize("needed", CALLS)
def test_call_needs_exactly_its_scope(
    needed: Scope, reader: FakeReader, picture: bytes, user: User, make_prediction: Make, media: Any
) -> None:
    _, with_it = Key.objects.issue(user, scopes=[needed])
    _, without = Key.objects.issue(user, scopes=set(Scope) - {needed, Scope.PREVIEW})
    for method, path in CALLS[needed]:
        address = path.format(pk=make_prediction(owner=user).pk)
        field = "archive" if "batches" in path else "image"
        for token, allowed in ((without, False), (with_it, True)):
            content = zip_of({"a.png": picture}) if field == "archive" else picture
            body = {"text": "7"} if "flag" in path else {field: SimpleUploadedFile("a.png", content)}
            answer = getattr(caller(token), method)(address, body if method == "post" else None)
            answer.getvalue()
            if allowed:
                assert answer.status_code < 300, (method, path)
            else:
                assert refusal(answer) == (403, "missing_scope"), (method, path)
                # A key for web pages may preview too.
                named = Scope.PREVIEW if "preview" in path else needed
                assert f"'{named.value}'" in answer.json()["detail"]


def test_any_secret_key_may_list_the_versions(user: User) -> None:
    for scope in set(Scope) - {Scope.PREVIEW}:
        assert caller(Key.objects.issue(user, scopes=[scope])[1]).get("/api/v1/models/").status_code == 200


def test_every_api_call_requires_a_scope() -> None:
    views = {
        pattern.callback.cls
        for outer in get_resolver().url_patterns
        if str(outer.pattern) == "api/v1/"
        for pattern in outer.url_patterns
        if pattern.name not in ("schema", "docs")
    }
    assert len(views) == 3
    for view in views:
        assert ScopeOfKey in view.permission_classes
        assert hasattr(view, "key_scope")


def test_a_session_needs_no_scope(mine: Client) -> None:
    assert mine.get(LIST).status_code == mine.get("/api/v1/batches/").status_code == 200


def test_expired_key_is_refused_with_its_date(mine: Client, user: User) -> None:
    key, token = Key.objects.issue(user, "scanner", days=30)
    assert caller(token).get(LIST).status_code == 200
    Key.objects.update(expires_at=datetime(2026, 1, 2, tzinfo=UTC))
    answer = caller(token).get(LIST)
    assert refusal(answer) == (401, "key_expired")
    assert answer["WWW-Authenticate"] == "Bearer"
    assert "'scanner' expired on 2026-01-02" in answer.json()["detail"]
    assert "expired on 2 Jan 2026" in page(mine, PAGE)
    fresh = key.renew()
    assert caller(fresh).get(LIST).status_code == 200


def test_new_token_replaces_the_old_one_at_once(mine: Client, user: User) -> None:
    key, old = Key.objects.issue(user, days=30)
    Key.objects.update(expires_at=timezone.now() + timedelta(days=2))
    mine.post(f"{key.get_absolute_url()}renew/", {"old": "now"})
    (fresh,) = re.findall(r'id="fresh-token">([^<]+)<', page(mine, PAGE))
    assert refusal(caller(old).get(LIST)) == (401, "authentication_failed")
    assert caller(fresh).get(LIST).status_code == 200
    renewed = Key.objects.get()
    assert renewed.pk == key.pk
    assert renewed.start == fresh[:15]
    assert renewed.expires_at is not None
    assert renewed.expires_at - timezone.now() > timedelta(days=29)


def test_old_token_can_work_for_another_day(mine: Client, user: User) -> None:
    key, old = Key.objects.issue(user)
    mine.post(f"{key.get_absolute_url()}renew/", {"old": "later"})
    assert caller(old).get(LIST).status_code == 200
    assert Secret.objects.exclude(expiry=None).get().expiry <= timezone.now() + GRACE
    Secret.objects.exclude(expiry=None).update(expiry=timezone.now() - timedelta(seconds=1))
    assert caller(old).get(LIST).status_code == 401
    assert Secret.objects.count() == 1


@pytest.mark.parametrize("ended", [timedelta(seconds=0), timedelta(days=10)])
def test_renewing_an_expired_key_revives_no_token(mine: Client, user: User, ended: timedelta) -> None:
    key, old = Key.objects.issue(user, days=30)
    Key.objects.update(expires_at=timezone.now() - ended)
    mine.post(f"{key.get_absolute_url()}renew/", {"old": "later"})
    (fresh,) = re.findall(r'id="fresh-token">([^<]+)<', page(mine, PAGE))
    assert refusal(caller(old).get(LIST)) == (401, "authentication_failed")
    assert caller(fresh).get(LIST).status_code == 200


def test_grace_period_does_not_extend_the_keys_expiry(user: User) -> None:
    key, _ = Key.objects.issue(user, days=30)
    key.expires_at = timezone.now() + timedelta(hours=2)
    key.save()
    ends = key.expires_at
    key.renew(GRACE)
    assert {secret.expiry for secret in key.secrets.all()} == {ends, None}


def test_renewal_deletes_expired_tokens(user: User) -> None:
    key, _ = Key.objects.issue(user)
    key.renew(timedelta(0))
    key.renew(timedelta(hours=1))
    assert Secret.objects.filter(expiry__lte=timezone.now()).count() == 0
    assert Secret.objects.count() == 2


def test_renewal_does_not_extend_an_ending_token(user: User) -> None:
    key, _ = Key.objects.issue(user)
    key.renew(timedelta(hours=1))
    key.renew(timedelta(days=1))
    soon = timezone.now() + timedelta(hours=2)
    assert sorted(secret.expiry < soon for secret in Secret.objects.exclude(expiry=None)) == [False, True]


def test_revoked_key_deletes_its_tokens_and_counts(mine: Client, user: User) -> None:
    key, token = Key.objects.issue(user)
    caller(token).get(LIST)
    usage.write_down()
    mine.post(f"{key.get_absolute_url()}revoke/")
    assert caller(token).get(LIST).status_code == 401
    assert [kind.objects.count() for kind in (Key, Secret, DayOfUse)] == [0, 0, 0]


def test_key_limit_does_not_affect_other_keys(user: User) -> None:
    _, slow = Key.objects.issue(user, limit=2)
    _, other = Key.objects.issue(user)
    assert [caller(slow).get(LIST).status_code for _ in range(2)] == [200, 200]
    refused = caller(slow).get("/api/v1/models/")
    assert refusal(refused) == (429, "throttled")
    assert 0 < int(refused["Retry-After"]) <= 60
    assert caller(other).get(LIST).status_code == 200


def test_key_limit_does_not_raise_its_owners_limit(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    from recognizer.api.throttling import ScopeByAddress

    monkeypatch.setattr(ScopeByAddress, "THROTTLE_RATES", {"look": "1/min"})
    _, token = Key.objects.issue(user, limit=100)
    assert [caller(token).get(LIST).status_code for _ in range(2)] == [200, 429]


def test_calls_are_counted_by_key_and_day_and_shown(mine: Client, user: User) -> None:
    key, token = Key.objects.issue(user)
    _, other = Key.objects.issue(user)
    for _ in range(3):
        caller(token).get(LIST)
    caller(other).get(LIST)
    shown = page(mine, key.get_absolute_url())
    assert "Calls per day over 30 days, 3 in total" in shown
    assert "<td>3</td>" in shown
    key.refresh_from_db()
    assert key.last_used_at is not None
    assert timezone.now() - key.last_used_at < timedelta(minutes=1)
    caller(token).get(LIST)
    usage.write_down()
    assert [row.calls for row in key.days_of_use.all()] == [4]


def test_refused_call_is_counted(user: User) -> None:
    key, token = Key.objects.issue(user, scopes=[Scope.BATCH])
    caller(token).get(LIST)
    usage.write_down()
    assert key.days_of_use.get().calls == 1


def test_reading_with_a_key_writes_nothing_to_the_database(user: User) -> None:
    _, token = Key.objects.issue(user)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        caller(token).get(LIST)
    assert [query["sql"] for query in queries if not query["sql"].startswith("SELECT")] == []


def test_usage_of_old_days_is_deleted(user: User) -> None:
    key, token = Key.objects.issue(user)
    today = timezone.now().date()
    for age in (1, 29, 30, 400):
        key.days_of_use.create(day=today - timedelta(days=age), calls=1)
    caller(token).get(LIST)
    usage.write_down()
    assert [(today - row.day).days for row in key.days_of_use.all()] == [29, 1, 0]
    assert [bar.calls for bar in usage.calls_by_day(key, today)] == [1] + [0] * 27 + [1, 1]


def test_usage_counts_survive_a_database_outage(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    key, token = Key.objects.issue(user)
    caller(token).get(LIST)

    def away(*args: Any) -> None:
        raise DatabaseError("away")

    with monkeypatch.context() as patch:
        patch.setattr(usage, "_add", away)
        usage.write_down_if_possible()
    assert not key.days_of_use.exists()
    usage.write_down()
    assert key.days_of_use.get().calls == 1


def test_calls_of_a_deleted_key_are_dropped(user: User) -> None:
    key, token = Key.objects.issue(user)
    caller(token).get(LIST)
    key.delete()
    usage.write_down()
    assert not DayOfUse.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_processes_that_write_at_once_lose_no_call(user: User) -> None:
    key, _ = Key.objects.issue(user)
    today, now = timezone.now().date(), timezone.now()
    gate = threading.Barrier(4)

    def write(part: usage.CallCounts) -> None:
        gate.wait()
        usage.add_to_database(part)
        connection.close()

    parts = [usage.CallCounts() for _ in range(4)]
    for part in parts:
        for _ in range(5):
            part.add(key.pk, now)
    threads = [threading.Thread(target=write, args=[part]) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert key.days_of_use.get(day=today).calls == 20


def test_page_of_another_users_key_returns_404(mine: Client, other_user: User) -> None:
    key, token = Key.objects.issue(other_user)
    for path in ("", "renew/", "revoke/"):
        answer = mine.post(f"{key.get_absolute_url()}{path}", NEW_KEY)
        assert answer.status_code == 404
    assert caller(token).get(LIST).status_code == 200
