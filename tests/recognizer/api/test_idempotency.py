"""A repeated call is stored once and answered the same."""

from typing import Any
from unittest.mock import Mock

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError
from django.test import Client

from recognizer.identity import Identity
from recognizer.models import Prediction, PredictionQuerySet
from recognizer.predictions import store_prediction
from tests.factories import user_client
from tests.fakes import FakeReader

STORE = "/api/v1/predictions/"

pytestmark = pytest.mark.django_db


def send(client: Client, picture: bytes, key: str, **fields: Any) -> Any:
    form = {"image": SimpleUploadedFile("a.png", picture), **fields}
    return client.post(STORE, form, headers={"Idempotency-Key": key})


def test_repeated_call_returns_the_same_prediction(reader: FakeReader, picture: bytes, user: Any) -> None:
    client = user_client(user)
    first, again = send(client, picture, "a"), send(client, picture, "a")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert first["Location"] == again["Location"]
    assert Prediction.objects.count() == reader.read_count == 1


def test_other_picture_with_the_same_key_is_refused(
    reader: FakeReader, picture: bytes, blank: bytes, user: Any
) -> None:
    client = user_client(user)
    send(client, picture, "a")
    for response in (send(client, blank, "a"), send(client, picture, "a", source="draw")):
        assert (response.status_code, response.json()["code"]) == (422, "idempotency_key_reused")
    assert Prediction.objects.count() == 1


def test_idempotency_keys_are_separate_for_each_caller(
    reader: FakeReader, picture: bytes, user: Any, other_user: Any
) -> None:
    answers = [send(client, picture, "a") for client in (user_client(user), user_client(other_user), Client())]
    assert len({answer.json()["id"] for answer in answers}) == 3


def test_a_visitor_may_use_keys_too(client: Client, reader: FakeReader, picture: bytes) -> None:
    assert send(client, picture, "a").json() == send(client, picture, "a").json()


def test_calls_without_idempotency_key_are_stored_each(reader: FakeReader, picture: bytes, user: Any) -> None:
    client = user_client(user)
    ids = {client.post(STORE, {"image": SimpleUploadedFile("a.png", picture)}).json()["id"] for _ in range(2)}
    assert len(ids) == 2


@pytest.mark.parametrize("key", ["", " ", "a b", "\x00", "é", "x" * 256])
def test_invalid_key_is_refused(client: Client, reader: FakeReader, picture: bytes, key: str) -> None:
    response = send(client, picture, key)
    assert (response.status_code, response.json()["code"]) == (400, "invalid_idempotency_key")


def test_shared_idempotency_key_does_not_break_the_log_in(reader: FakeReader, picture: bytes, superuser: Any) -> None:
    account, browser = user_client(superuser), Client()
    own, visitors = send(account, picture, "a").json(), send(browser, picture, "a").json()
    other = send(browser, picture, "b").json()
    answer = browser.post("/accounts/login/", {"login": "root", "password": "a long pass phrase"})
    assert answer.status_code == 302
    owned = set(Prediction.objects.filter(owner=superuser).values_list("pk", flat=True))
    assert owned == {own["id"], visitors["id"], other["id"]}
    assert send(browser, picture, "a").json()["id"] == own["id"]
    assert send(browser, picture, "b").json()["id"] == other["id"]


def test_failed_move_of_predictions_fails_the_log_in(
    reader: FakeReader, picture: bytes, user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = Client(raise_request_exception=False)
    send(browser, picture, "a")
    with monkeypatch.context() as broken:
        broken.setattr(PredictionQuerySet, "update", Mock(side_effect=OperationalError("database is locked")))
        browser.post("/accounts/login/", {"login": "ada", "password": "a long pass phrase"})
    assert "_auth_user_id" not in browser.session
    browser.post("/accounts/login/", {"login": "ada", "password": "a long pass phrase"})
    assert Prediction.objects.get().owner == user


@pytest.mark.django_db(transaction=True)
def test_slower_of_two_equal_calls_returns_the_stored_one(
    reader: FakeReader, picture: bytes, user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from recognizer import predictions

    identity, read = Identity(user=user), predictions.read_picture

    def read_while_another_is_faster(data: bytes, *args: Any) -> Any:
        monkeypatch.setattr(predictions, "read_picture", read)
        store_prediction(picture, identity=identity, source="api", key="a")
        return read(data, *args)

    monkeypatch.setattr(predictions, "read_picture", read_while_another_is_faster)
    kept = store_prediction(picture, identity=identity, source="api", key="a")
    assert Prediction.objects.get() == kept
