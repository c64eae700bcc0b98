"""A batch is checked against its owner's quota on arrival and again while it is read."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from batches.models import Batch, BatchState, Item
from batches.worker import read_waiting
from recognizer.models import Prediction, Usage

pytestmark = pytest.mark.django_db(transaction=True)
Send = Callable[..., Any]


@pytest.mark.parametrize("limit", [("PREDICTIONS", 2), ("MB", 0.0001)])
def test_batch_over_the_quota_is_refused_as_a_whole(
    api: Client, send: Send, picture: bytes, settings: Any, media: Path, limit: tuple[str, float]
) -> None:
    setattr(settings, f"USER_QUOTA_{limit[0]}", limit[1])
    answer = send(api, {f"{number}.png": picture for number in range(3)})
    assert (answer.status_code, answer.json()["code"]) == (413, "quota_exceeded")
    assert not Batch.objects.exists()
    assert not [path for path in media.rglob("*") if path.is_file()]


@pytest.mark.usefixtures("image_files")
def test_batch_over_the_quota_refuses_further_pictures(
    api: Client, send: Send, picture: bytes, settings: Any, media: Path
) -> None:
    number = send(api, {f"{number}.png": picture for number in range(70)}).json()["id"]
    settings.USER_QUOTA_PREDICTIONS = 66
    read_waiting(threading.Event())
    batch = Batch.objects.get(pk=number)
    assert (batch.state, batch.read, batch.refused) == (BatchState.DONE, 64, 6)
    assert set(Item.objects.filter(prediction=None).values_list("code", flat=True)) == {"quota_exceeded"}
    assert Usage.objects.get().predictions == Prediction.objects.count() == 64
    assert len([path for path in (media / "predictions").rglob("*") if path.is_file()]) == 64
