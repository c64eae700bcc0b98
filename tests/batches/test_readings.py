"""Workers store each picture once, survive crashing pictures, and store nothing for ended batches."""

import io
import itertools
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from PIL import Image

from batches import lifecycle, tasks, worker
from batches.models import Batch, BatchState, Chunk, Item
from batches.worker import read_chunk, read_waiting
from recognizer.models import ModelVersion, Prediction
from recognizer.reading import Reason
from recognizer.serving import cache as serving
from tests.factories import enlarged, image_of, user_client
from tests.fakes import FakeCache, FakeReader

pytestmark = pytest.mark.django_db(transaction=True)
Send = Callable[..., Any]


def read() -> None:
    read_waiting(threading.Event())


def take() -> Chunk:
    chunk = Chunk.objects.take()
    assert chunk is not None
    return chunk


def release() -> None:
    """Expire all leases."""
    Chunk.objects.update(lease_until=timezone.now() - timedelta(seconds=1))


@pytest.fixture
def many(api: Client, send: Send, picture: bytes) -> Batch:
    """A batch of two chunks."""
    return Batch.objects.get(pk=send(api, {f"{number}.png": picture for number in range(70)}).json()["id"])


def stored_images(media: Path) -> set[str]:
    return {str(path.relative_to(media)) for path in (media / "predictions").rglob("*") if path.is_file()}


@pytest.mark.usefixtures("image_files")
def test_chunk_read_twice_is_stored_once(many: Batch, media: Path) -> None:
    first = take()
    release()
    second = take()
    assert first.pk == second.pk
    read_chunk(second)
    read_chunk(first)
    assert Prediction.objects.of_batch(many.pk).count() == Item.objects.count() == first.count
    assert not Prediction.objects.outside_batches().exists()
    many.refresh_from_db()
    assert (many.read, many.refused) == (first.count, 0)
    assert stored_images(media) == set(Prediction.objects.values_list("image", flat=True))


@pytest.mark.usefixtures("image_files")
def test_worker_with_a_lost_lease_stores_nothing(many: Batch, media: Path) -> None:
    dead = take()
    release()
    take()
    read_chunk(dead)
    assert not Prediction.objects.exists()
    assert stored_images(media) == set()


def test_part_of_small_and_large_pictures_stores_each(
    api: Client, send: Send, picture: bytes, mnist_pictures: dict[int, bytes], media: Path
) -> None:
    large = enlarged(mnist_pictures[3])
    send(api, {f"{number}.png": picture if number % 3 else large for number in range(30)})
    read()
    rows = Prediction.objects.order_by("pk")
    assert [bool(row.image) for row in rows] == [number % 3 == 0 for number in range(30)]
    assert [len(image_of(row)) for row in rows] == [row.image_bytes for row in rows]
    assert stored_images(media) == {row.image.name for row in rows if row.image}


def test_chunks_of_a_dead_worker_are_read_by_another(many: Batch) -> None:
    take()
    take()
    read()
    assert not Prediction.objects.exists(), "both are leased"
    release()
    read()
    many.refresh_from_db()
    assert (many.state, many.read) == (BatchState.DONE, 70)


def test_picture_with_an_unexpected_error_fails_alone(many: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare, calls = worker.read_prediction, iter(range(70))

    def poisoned(*args: Any, **kwargs: Any) -> Prediction:
        if next(calls) == 5:
            raise ZeroDivisionError
        return prepare(*args, **kwargs)

    monkeypatch.setattr(worker, "read_prediction", poisoned)
    read()
    many.refresh_from_db()
    assert (many.state, many.read, many.refused) == (BatchState.DONE, 69, 1)
    assert Item.objects.get(number=6).reason == "unreadable"


class Died(BaseException):
    """Simulates the death of the process."""


def test_refused_picture_of_a_batch_has_a_thumbnail(
    api: Client, send: Send, user: User, picture: bytes, reader: FakeReader
) -> None:
    reader.reason = Reason.NOT_A_NUMBER
    batch = Batch.objects.get(pk=send(api, {"a.png": picture, "b.txt": b"no picture"}).json()["id"])
    read()
    refused, unreadable = batch.items.worst_first()
    assert (refused.has_picture, unreadable.has_picture) == (True, False)
    client = user_client(user)
    page = client.get(f"/batches/{batch.pk}/").content.decode()
    assert f"/batches/{batch.pk}/pictures/1/" in page
    assert f"/batches/{batch.pk}/pictures/2/" not in page
    response = client.get(f"/batches/{batch.pk}/pictures/1/")
    with Image.open(io.BytesIO(response.content)) as shown:
        assert shown.size == (120, 60)
    assert client.get(f"/batches/{batch.pk}/pictures/2/").status_code == 404


def test_picture_that_kills_its_worker_fails_alone(many: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare = worker.read_prediction

    def deadly(*args: Any, key: str, **kwargs: Any) -> Prediction:
        if key.endswith((" 6", " 20")):
            raise Died
        return prepare(*args, key=key, **kwargs)

    monkeypatch.setattr(worker, "read_prediction", deadly)
    deaths = 0
    while Chunk.objects.exists():
        release()
        try:
            read()
        except Died:
            deaths += 1
            assert deaths < 10
    many.refresh_from_db()
    assert (many.state, many.read, many.refused) == (BatchState.DONE, 68, 2)
    assert set(Item.objects.exclude(code="").values_list("number", "code")) == {(6, "unreadable"), (20, "unreadable")}
    assert [item.number for item in Item.objects.order_by("number")] == list(range(1, 71))


def test_picture_is_read_after_an_unrelated_worker_death(many: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare = worker.read_prediction
    monkeypatch.setattr(worker, "read_prediction", lambda *args, **kwargs: (_ for _ in ()).throw(Died()))
    for _ in range(2):
        release()
        with pytest.raises(Died):
            read()
    monkeypatch.setattr(worker, "read_prediction", prepare)
    release()
    read()
    many.refresh_from_db()
    assert (many.state, many.read) == (BatchState.DONE, 70)


def test_batch_waits_while_no_network_is_loaded(many: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    there = serving._cache
    monkeypatch.setattr(serving, "_cache", FakeCache(None))
    read()
    many.refresh_from_db()
    assert (many.state, many.done) == (BatchState.RUNNING, 0)
    monkeypatch.setattr(serving, "_cache", there)
    release()
    read()
    many.refresh_from_db()
    assert (many.state, many.read) == (BatchState.DONE, 70)


@pytest.mark.parametrize("error", [OSError(28, "No space left"), OperationalError("the server is gone")])
@pytest.mark.usefixtures("image_files")
def test_batch_is_retried_after_storage_and_database_outages(
    many: Batch, media: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    with monkeypatch.context() as patch:

        def fail(*args: Any, **kwargs: Any) -> Any:
            raise error

        patch.setattr(worker, "read_prediction", fail)
        read()
    for _ in range(2):
        release()
        read()
    many.refresh_from_db()
    assert (many.state, many.read) == (BatchState.DONE, 70)
    assert stored_images(media) == set(Prediction.objects.values_list("image", flat=True))


@pytest.mark.usefixtures("image_files")
def test_failed_chunk_leaves_no_images(many: Batch, media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read_prediction, calls = worker.read_prediction, itertools.count(1)

    def failing(*args: Any, **kwargs: Any) -> Prediction:
        if next(calls) > 2 * worker.SAVED_TOGETHER:
            raise OSError("the disk is full")
        return read_prediction(*args, **kwargs)

    monkeypatch.setattr(worker, "read_prediction", failing)
    read_chunk(take())
    assert not Prediction.objects.exists()
    assert stored_images(media) == set()


def test_batch_with_a_missing_part_fails(many: Batch) -> None:
    default_storage.delete(Chunk.objects.order_by("number")[1].part)
    read()
    many.refresh_from_db()
    assert (many.state, many.read) == (BatchState.FAILED, 64)
    assert "missing in the storage" in many.error


def test_damaged_part_fails_its_batch(many: Batch) -> None:
    part = Chunk.objects.order_by("number")[1].part
    default_storage.delete(part)
    default_storage.save(part, ContentFile(b"no zip"))
    read()
    many.refresh_from_db()
    assert (many.state, many.read) == (BatchState.FAILED, 64)


def test_worker_too_late_for_a_part_does_not_fail_its_batch(many: Batch) -> None:
    late = take()
    release()
    read_chunk(take())
    read_chunk(late)
    many.refresh_from_db()
    assert (many.state, many.read) == (BatchState.RUNNING, 64)
    lifecycle.erase_batch(many)
    read_chunk(late)
    assert not Batch.objects.exists()


def test_cancel_and_delete_of_a_deleted_batch_do_nothing(many: Batch) -> None:
    lifecycle.erase_batch(Batch.objects.get(pk=many.pk))
    lifecycle.erase_batch(Batch(pk=many.pk))
    assert not lifecycle.stop_batch(many)
    assert not Batch.objects.exists()


@pytest.mark.usefixtures("image_files")
def test_chunk_of_a_batch_cancelled_meanwhile_is_not_stored(many: Batch, media: Path) -> None:
    chunk = take()
    chunk_part = chunk.part
    with default_storage.open(chunk_part) as file:
        content = file.read()
    lifecycle.stop_batch(many)
    assert not default_storage.exists(chunk_part)
    default_storage.save(chunk_part, ContentFile(content))
    read_chunk(chunk)
    assert not Prediction.objects.exists()
    assert stored_images(media) == set()
    many.refresh_from_db()
    assert many.state == BatchState.CANCELLED


def test_a_small_batch_does_not_wait_for_a_large_one(api: Client, send: Send, picture: bytes, many: Batch) -> None:
    small = send(api, {"a.png": picture}).json()["id"]
    assert [take().batch_id for _ in range(3)] == [many.pk, small, many.pk]


def test_stopping_worker_takes_no_more(many: Batch) -> None:
    stopping = threading.Event()
    stopping.set()
    read_waiting(stopping)
    assert not Item.objects.exists()


def test_batch_is_read_with_one_version(many: Batch, reader: FakeReader) -> None:
    read()
    assert set(Prediction.objects.values_list("model_version", flat=True)) == {reader.version.pk}
    assert reader.read_count == 70


def test_parts_without_a_chunk_are_deleted(many: Batch, media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = set(Chunk.objects.values_list("part", flat=True))
    Chunk.objects.order_by("number")[1].delete()
    monkeypatch.setattr(tasks, "orphaned_parts", lambda older_than: lifecycle.orphaned_parts(timedelta(0)))
    tasks.tidy()
    left = {str(path.relative_to(media)) for path in (media / "batches").rglob("*.zip")}
    assert left == set(Chunk.objects.values_list("part", flat=True)) < kept


def test_batch_is_accepted_without_the_broker(
    api: Client, send: Send, picture: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> None:
        raise ConnectionError

    monkeypatch.setattr(tasks.read_batches, "delay", away)
    assert send(api, {"a.png": picture}).status_code == 202
    read()
    assert Batch.objects.get().state == BatchState.DONE


def test_owners_take_turns_however_many_batches_each_has(
    user: User, other_user: User, version: ModelVersion, media: Path
) -> None:
    def chunks(owner: User, *numbers: int) -> None:
        batch = Batch.objects.create(owner=owner, total=9, source="api")
        for number in numbers:
            Chunk.objects.create(batch=batch, number=number, first=1, count=1, part=f"{batch.pk}-{number}")

    chunks(user, 0, 1, 2)
    chunks(user, 0, 1)
    chunks(other_user, 0, 1)
    order = [take().batch.owner.username for _ in range(5)]
    assert order == ["ada", "blaise", "ada", "blaise", "ada"]
    chunks(other_user, 0)
    assert take().batch.owner == other_user, "a new batch is no new turn, nor an older one's end"
    assert take().batch.owner == user
