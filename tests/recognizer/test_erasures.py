"""Long histories are erased by a worker, in chunks."""

import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.test import Client
from django.utils import timezone

from recognizer import erasures, predictions
from recognizer.erasures import erase_waiting
from recognizer.models import Erasure, Prediction
from tests.factories import user_client, visitor_client

Make = Callable[..., Prediction]
PAGE, PROGRESS = "/history/erase/", "/history/erase/progress/"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasures, "MAX_AT_ONCE", 3)
    monkeypatch.setattr(predictions, "ERASE_CHUNK", 2)


@pytest.fixture(params=["user", "visitor"])
def mine(request: Any, user: User) -> tuple[Client, dict[str, Any]]:
    if request.param == "user":
        return user_client(user), {"owner": user}
    visitor = uuid.uuid4()
    return visitor_client(visitor), {"visitor": visitor}


def test_short_history_is_deleted_at_once(mine: Any, make_prediction: Make) -> None:
    client, owner = mine
    for _ in range(3):
        make_prediction(**owner)
    assert client.post(PAGE)["Location"] == "/history/"
    assert not Prediction.objects.exists()
    assert not Erasure.objects.exists()


@pytest.mark.usefixtures("image_files")
def test_long_history_is_deleted_by_a_worker(mine: Any, make_prediction: Make) -> None:
    client, owner = mine
    old = [make_prediction(**owner) for _ in range(5)]
    theirs = make_prediction()
    assert client.post(PAGE)["Location"] == PAGE
    assert Prediction.objects.count() == 6
    assert "Waiting for a worker" in client.get(PAGE).content.decode()
    new = make_prediction(**owner)
    assert client.post(PAGE).status_code == 200, "asked for twice it is queued once"
    erase_waiting(threading.Event())
    assert set(Prediction.objects.all()) == {theirs, new}
    assert not any(default_storage.exists(one.image.name) for one in old)
    assert client.get(PROGRESS).json() == {"active": False}


def test_page_shows_deletion_progress(mine: Any, make_prediction: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    client, owner = mine
    for _ in range(5):
        make_prediction(**owner)
    client.post(PAGE)
    stopping = threading.Event()
    erase = erasures.erase_chunk

    def erase_and_stop(rows: Any) -> int:
        stopping.set()
        return erase(rows)

    with monkeypatch.context() as patch:
        patch.setattr(erasures, "erase_chunk", erase_and_stop)
        erase_waiting(stopping)
    assert client.get(PROGRESS).json()["done"] == 2
    assert 'max="5" value="2"' in client.get(PAGE).content.decode()
    erase_waiting(threading.Event())
    assert not Prediction.objects.exists()


def test_erasure_continues_after_its_worker_dies(mine: Any, make_prediction: Make) -> None:
    client, owner = mine
    for _ in range(5):
        make_prediction(**owner)
    client.post(PAGE)
    assert Erasure.objects.take() is not None
    erase_waiting(threading.Event())
    assert Prediction.objects.count() == 5, "the one that took it may live"
    Erasure.objects.update(lease_until=timezone.now() - Erasure.lease)
    erase_waiting(threading.Event())
    assert not Prediction.objects.exists()


def test_predictions_being_deleted_move_to_no_account(user: User, make_prediction: Make) -> None:
    visitor = uuid.uuid4()
    for _ in range(5):
        make_prediction(visitor=visitor)
    own = make_prediction(owner=user)
    visitor_client(visitor).post(PAGE)
    later = make_prediction(visitor=visitor)
    client = visitor_client(visitor)
    client.post("/accounts/login/", {"login": "ada", "password": "a long pass phrase"})
    erase_waiting(threading.Event())
    assert set(Prediction.objects.all()) == {own, later}
    assert set(Prediction.objects.filter(owner=user)) == {own, later}


def test_account_can_be_deleted_while_its_history_is(user: User, make_prediction: Make) -> None:
    for _ in range(5):
        make_prediction(owner=user)
    user_client(user).post(PAGE)
    user.delete()
    erase_waiting(threading.Event())
    assert not Erasure.objects.exists()
