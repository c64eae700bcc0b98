"""The same call twice: kept once, and answered as it was."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from recognizer.models import Prediction
from recognizer.predictions import store_prediction
from recognizer.visitors import Identity
from tests.conftest import FakeReader, user_client

STORE = "/api/v1/predictions/"

pytestmark = pytest.mark.django_db


def send(client: Client, picture: bytes, key: str, **fields: Any) -> Any:
    form = {"image": SimpleUploadedFile("a.png", picture), **fields}
    return client.post(STORE, form, headers={"Idempotency-Key": key})


def test_the_same_call_gives_the_same_prediction_once(reader: FakeReader, picture: bytes, user: Any) -> None:
    client = user_client(user)
    first, again = send(client, picture, "a"), send(client, picture, "a")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert first["Location"] == again["Location"]
    assert Prediction.objects.count() == reader.read_count == 1


def test_another_picture_under_the_key_is_refused(reader: FakeReader, picture: bytes, blank: bytes, user: Any) -> None:
    client = user_client(user)
    send(client, picture, "a")
    for response in (send(client, blank, "a"), send(client, picture, "a", source="draw")):
        assert (response.status_code, response.json()["code"]) == (422, "idempotency_key_reused")
    assert Prediction.objects.count() == 1


def test_a_key_is_its_callers_own(reader: FakeReader, picture: bytes, user: Any, other_user: Any) -> None:
    answers = [send(client, picture, "a") for client in (user_client(user), user_client(other_user), Client())]
    assert len({answer.json()["id"] for answer in answers}) == 3


def test_a_visitor_may_use_keys_too(client: Client, reader: FakeReader, picture: bytes) -> None:
    assert send(client, picture, "a").json() == send(client, picture, "a").json()


def test_calls_without_a_key_are_each_kept(reader: FakeReader, picture: bytes, user: Any) -> None:
    client = user_client(user)
    ids = {client.post(STORE, {"image": SimpleUploadedFile("a.png", picture)}).json()["id"] for _ in range(2)}
    assert len(ids) == 2


@pytest.mark.parametrize("key", ["", " ", "a b", "\x00", "é", "x" * 256])
def test_a_key_that_is_none_is_refused(client: Client, reader: FakeReader, picture: bytes, key: str) -> None:
    response = send(client, picture, key)
    assert (response.status_code, response.json()["code"]) == (400, "invalid_idempotency_key")


@pytest.mark.django_db(transaction=True)
def test_the_slower_of_two_calls_gets_what_the_faster_one_kept(
    reader: FakeReader, picture: bytes, user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from recognizer import predictions

    identity, read = Identity(user=user), predictions.read_picture

    def read_while_another_is_faster(data: bytes, version: Any) -> Any:
        monkeypatch.setattr(predictions, "read_picture", read)
        store_prediction(picture, identity=identity, source="api", key="a")
        return read(data, version)

    monkeypatch.setattr(predictions, "read_picture", read_while_another_is_faster)
    kept = store_prediction(picture, identity=identity, source="api", key="a")
    assert Prediction.objects.get() == kept
