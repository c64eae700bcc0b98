"""Stored files are deleted with their rows, however these are deleted."""

import datetime
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction

from batches.models import Batch, Chunk
from core.models import FileToDelete
from core.storage.deletion import delete_files, retry_deletions
from recognizer.models import ModelVersion, Prediction, Promotion
from recognizer.predictions import erase_predictions, orphaned_images
from tests.factories import user_client
from training.models import TrainingRun

Make = Callable[..., Prediction]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("image_files")]


def files_in(media: Path, folder: str) -> list[Path]:
    return [path for path in (media / folder).rglob("*") if path.is_file()]


@pytest.fixture
def belongings(image_files: Path, user: User, make_prediction: Make) -> User:
    """A user with two predictions and a batch that waits."""
    make_prediction(owner=user).flag("7")
    make_prediction(owner=user)
    batch = Batch.objects.create(owner=user, total=1, source="api")
    part = default_storage.save("batches/2026-01-01/part.zip", ContentFile(b"zip"))
    Chunk.objects.create(batch=batch, number=0, first=1, count=1, part=part)
    return user


def test_deleted_user_leaves_no_file(belongings: User, media: Path) -> None:
    assert len(files_in(media, "predictions")) == 2
    belongings.delete()
    assert files_in(media, "predictions") == files_in(media, "batches") == []


def test_rolled_back_deletion_keeps_the_files(belongings: User, media: Path) -> None:
    with transaction.atomic():
        belongings.delete()
        assert len(files_in(media, "predictions")) == 2
        transaction.set_rollback(True)
    assert Prediction.objects.count() == len(files_in(media, "predictions")) == 2
    assert files_in(media, "batches")


def test_a_storage_that_fails_fails_no_request(
    belongings: User, media: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    def fail(name: str) -> None:
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr(default_storage, "delete", fail)
        for prediction in Prediction.objects.all():
            address = f"/api/v1/predictions/{prediction.pk}/"
            assert user_client(belongings).delete(address).status_code == 204
    assert "Read-only file system" in caplog.text
    assert len(list(orphaned_images(older_than=datetime.timedelta(0)))) == 2
    retry_deletions()
    assert files_in(media, "predictions") == []
    assert not FileToDelete.objects.exists()


def test_a_refused_deletion_is_tried_until_it_works(media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = default_storage.save("predictions/a.png", ContentFile(b"png"))
    with monkeypatch.context() as patch:
        patch.setattr(default_storage, "delete", Mock(side_effect=OSError(30, "Read-only file system")))
        delete_files([name])
        delete_files([name])
        with pytest.raises(OSError, match="Read-only"):
            retry_deletions()
    assert FileToDelete.objects.get().name == name
    retry_deletions()
    assert not default_storage.exists(name)
    assert not FileToDelete.objects.exists()


def test_file_used_by_a_new_row_is_not_deleted(make_prediction: Make, media: Path) -> None:
    made = make_prediction()
    FileToDelete.objects.create(name=made.image.name)
    retry_deletions()
    assert default_storage.exists(made.image.name)
    assert not FileToDelete.objects.exists()


def test_deleted_version_deletes_its_files(media: Path, version: ModelVersion) -> None:
    assert len(files_in(media, "versions")) == 3
    Promotion.objects.filter(version=version).delete()
    version.delete()
    assert files_in(media, "versions") == []


def test_deleted_run_deletes_its_snapshot(media: Path) -> None:
    run = TrainingRun.objects.create()
    run.snapshot.save("snapshot.zip", ContentFile(b"zip"))
    run.delete()
    assert files_in(media, "runs") == []


def test_many_predictions_are_erased_in_chunks(
    media: Path, make_prediction: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recognizer.predictions.ERASE_CHUNK", 2)
    visitor = uuid.uuid4()
    for _ in range(5):
        make_prediction(visitor=visitor)
    kept = make_prediction()
    assert erase_predictions(Prediction.objects.filter(visitor=visitor)) == 5
    assert list(Prediction.objects.all()) == [kept]
    assert len(files_in(media, "predictions")) == 1
