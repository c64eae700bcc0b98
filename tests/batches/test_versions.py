"""A batch can choose the version that reads it."""

import threading
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from batches.models import Batch
from batches.worker import read_waiting
from recognizer.models import ModelVersion, Prediction
from recognizer.serving.install import install_shipped_version
from tests.factories import user_client

from .conftest import BATCHES
from .zips import zip_of

pytestmark = pytest.mark.django_db(transaction=True)


def test_batch_is_read_with_the_requested_version(
    user: Any, told: list[int], mnist_pictures: dict[int, bytes], media: Any
) -> None:
    install_shipped_version()
    shipped = ModelVersion.objects.get()
    newer = ModelVersion.objects.create(name="newer", litert_file="gone", litert_sha256="b", keras_sha256="b")
    newer.promote()
    client = user_client(user)

    def post(version: str) -> Any:
        archive = SimpleUploadedFile("many.zip", zip_of({"7.png": mnist_pictures[7]}))
        return client.post(BATCHES, {"archive": archive, "model_version": version})

    refused = post("of yesteryear")
    assert (refused.status_code, refused.json()["code"]) == (400, "unknown_version")
    taken = post(shipped.name)
    assert (taken.status_code, taken.json()["model_version"]) == (202, shipped.name)
    read_waiting(threading.Event())
    assert Batch.objects.get().state == "done"
    read = Prediction.objects.get()
    assert (read.text, read.model_version) == ("7", shipped)


def test_batch_with_an_unknown_field_is_refused(user: Any, told: list[int], picture: bytes) -> None:
    archive = SimpleUploadedFile("many.zip", zip_of({"a.png": picture}))
    answer = user_client(user).post(BATCHES, {"archive": archive, "modelversion": "x"})
    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_field")
    assert not Batch.objects.exists()
