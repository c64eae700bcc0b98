"""Storage usage is counted exactly, however data is added and deleted."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.test import Client

from recognizer.identity import Identity
from recognizer.models import Prediction, Usage
from recognizer.predictions import store_prediction
from tests.factories import image_of, user_client, visitor_client
from tests.fakes import FakeReader

pytestmark = pytest.mark.django_db

API = "/api/v1/predictions/"


def send(client: Client, picture: bytes) -> Any:
    return client.post(API, {"image": SimpleUploadedFile("a.png", picture)})


def usage() -> dict[int | uuid.UUID, tuple[int, int]]:
    rows = Usage.objects.exclude(predictions=0)
    return {row.owner_id or row.visitor: (row.predictions, row.image_bytes) for row in rows}


def kept() -> dict[int | uuid.UUID, tuple[int, int]]:
    """Count the stored data row by row."""
    found: dict[int | uuid.UUID, tuple[int, int]] = {}
    for row in Prediction.objects.all():
        whose = row.owner_id or row.visitor
        count, total = found.get(whose, (0, 0))  # type: ignore[arg-type]
        found[whose] = (count + 1, total + len(image_of(row)))  # type: ignore[index]
    return found


def test_storing_adds_to_the_quota_and_deleting_subtracts(
    reader: FakeReader, picture: bytes, user: User, superuser: User
) -> None:
    visitor = uuid.uuid4()
    guest, client = visitor_client(visitor), user_client(user)
    numbers = [send(client, picture).json()["id"] for _ in range(4)] + [send(guest, picture).json()["id"]]
    assert usage() == kept()
    assert usage()[user.pk][0] == 4
    client.delete(f"{API}{numbers[0]}/")
    client.post(f"/predictions/{numbers[1]}/delete/")
    assert usage() == kept()
    chosen = {"action": "delete_selected", "_selected_action": [numbers[2], numbers[4]], "post": "yes"}
    user_client(superuser).post("/admin/recognizer/prediction/", chosen)
    assert usage() == kept()
    client.post("/history/erase/")
    assert usage() == kept() == {}


def test_moved_predictions_count_for_the_account(reader: FakeReader, picture: bytes, user: User) -> None:
    visitor = uuid.uuid4()
    send(visitor_client(visitor), picture)
    send(user_client(user), picture)
    Prediction.objects.move(visitor, user)
    assert usage() == kept()
    assert usage()[user.pk][0] == 2


@pytest.mark.parametrize("who", ["user", "visitor"])
@pytest.mark.parametrize("limit", ["PREDICTIONS", "MB"])
def test_full_quota_returns_413_with_advice(
    who: str, limit: str, reader: FakeReader, picture: bytes, user: User, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = user_client(user) if who == "user" else visitor_client(uuid.uuid4())
    first = send(client, picture).json()["id"]
    if limit == "MB":
        monkeypatch.setattr("recognizer.quotas.MB", Usage.objects.get().image_bytes)
    setattr(settings, f"{who.upper()}_QUOTA_{limit}", 1)
    answer = send(client, picture)
    assert (answer.status_code, answer.json()["code"]) == (413, "quota_exceeded")
    assert "delete" in answer.json()["detail"]
    assert "/history/erase/" in answer.json()["detail"]
    assert Prediction.objects.count() == Usage.objects.get().predictions == 1
    client.delete(f"{API}{first}/")
    assert send(client, picture).status_code == 201


def test_full_quota_is_refused_before_reading(reader: FakeReader, picture: bytes, user: User, settings: Any) -> None:
    settings.USER_QUOTA_PREDICTIONS = 1
    client = user_client(user)
    for _ in range(2):
        send(client, picture)
    assert reader.read_count == Prediction.objects.count() == 1


def test_a_repeated_call_is_answered_when_the_quota_is_full(
    reader: FakeReader, picture: bytes, user: User, settings: Any
) -> None:
    settings.USER_QUOTA_PREDICTIONS = 1
    client = user_client(user)
    answers = [
        client.post(API, {"image": SimpleUploadedFile("a.png", picture)}, headers={"Idempotency-Key": "one"})
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["id"] == answers[1].json()["id"]


def test_quota_of_zero_is_no_limit(reader: FakeReader, picture: bytes, user: User, settings: Any) -> None:
    settings.USER_QUOTA_PREDICTIONS = settings.USER_QUOTA_MB = 0
    assert [send(user_client(user), picture).status_code for _ in range(2)] == [201, 201]


def test_full_site_quota_refuses_everybody(reader: FakeReader, picture: bytes, user: User, settings: Any) -> None:
    send(visitor_client(uuid.uuid4()), picture)
    settings.SITE_QUOTA_PREDICTIONS = 1
    answer = send(user_client(user), picture)
    assert (answer.status_code, answer.json()["code"]) == (413, "quota_exceeded")
    assert "This site is full" in answer.json()["detail"]


def test_site_quota_works_without_the_cache(
    reader: FakeReader, picture: bytes, user: User, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any) -> None:
        raise ConnectionError("away")

    monkeypatch.setattr("recognizer.quotas.cache.get_or_set", fail)
    settings.SITE_QUOTA_PREDICTIONS = 1
    assert [send(user_client(user), picture).status_code for _ in range(2)] == [201, 413]


@pytest.mark.django_db(transaction=True)
def test_simultaneous_calls_stay_within_the_quota(
    reader: FakeReader, picture: bytes, user: User, settings: Any
) -> None:
    settings.USER_QUOTA_PREDICTIONS = 5

    def store(_: int) -> str:
        try:
            store_prediction(picture, identity=Identity(user=user), source="api", caller=str(_))
        except Exception as error:
            return type(error).__name__
        finally:
            connections.close_all()
        return ""

    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(store, range(12)))
    assert sorted(set(outcomes)) == ["", "QuotaExceeded"]
    assert outcomes.count("") == 5
    assert usage() == kept() == {user.pk: usage()[user.pk]}


@pytest.mark.django_db(transaction=True)
def test_simultaneous_deletions_are_subtracted_once(reader: FakeReader, picture: bytes, user: User) -> None:
    stored = [store_prediction(picture, identity=Identity(user=user), source="api") for _ in range(6)]
    doomed = Prediction.objects.filter(pk__in=[one.pk for one in stored[:4]])

    def erase(_: int) -> None:
        doomed.all().delete()
        connections.close_all()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(erase, range(4)))
    assert usage() == kept()
    assert usage()[user.pk][0] == 2


def test_account_page_shows_storage_used(reader: FakeReader, picture: bytes, user: User) -> None:
    client = user_client(user)
    send(client, picture)
    page = client.get("/accounts/").content.decode()
    assert "1 of 200,000 readings" in page
    assert "of 2,000 MB" in page
