import os
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import DatabaseError, connection, transaction

from core.fair_semaphore import FairSemaphore
from recognizer import predictions
from recognizer.admission import Admission
from recognizer.exceptions import NoNumber, NoServingVersion
from recognizer.identity import Identity
from recognizer.models import MAX_TEXT_LENGTH, Prediction
from recognizer.predictions import (
    erase_predictions,
    orphaned_images,
    read_picture,
    rows_without_image,
    store_prediction,
)
from recognizer.reading import Reading, Reason, UnreadableImage, open_image, open_strip
from tests.factories import encoded, image_of, reading_of
from tests.fakes import FakeReader

Make = Callable[..., Prediction]
SOMEBODY = Identity(visitor=uuid.uuid4())

pytestmark = pytest.mark.django_db


def files_in(folder: Path) -> list[Path]:
    return [path for path in (folder / "predictions").rglob("*") if path.is_file()]


def test_prediction_stores_the_whole_reading(reader: FakeReader, picture: bytes, media: Path) -> None:
    reader.text = "1\n23"
    made = store_prediction(picture, identity=SOMEBODY, source="draw")
    stored = Prediction.objects.get(pk=made.pk)
    assert (stored.text, stored.source, stored.visitor) == ("1\n23", "draw", SOMEBODY.visitor)
    assert stored.model_version == reader.version
    assert [digit["label"] for digit in stored.digits] == [1, 2, 3]
    assert [digit["line"] for digit in stored.digits] == [0, 1, 1]
    assert open_strip(bytes(stored.frames)).shape == (3, 28, 28)
    assert (open_image(image_of(stored)) == open_image(picture)).all()


@pytest.mark.parametrize(("start", "free"), [(b"%PDF-1.7", 1), (b"\x89PNG", 0)])
def test_process_works_on_while_another_decodes_a_picture(
    monkeypatch: pytest.MonkeyPatch, reader: FakeReader, start: bytes, free: int
) -> None:
    monkeypatch.setattr(predictions, "at_work", at_work := FairSemaphore(1))
    found: list[int] = []

    def read(data: bytes, report: Callable[[int], None]) -> Reading:
        found.append(at_work.free)
        return reading_of("7", np.zeros((30, 30), np.uint8))

    monkeypatch.setattr(reader, "read", read)
    with at_work.hold():
        read_picture(start)
    assert found == [free]


def test_photo_is_stored_as_jpeg(reader: FakeReader, media: Path) -> None:
    photo = encoded(np.random.default_rng(7).integers(0, 255, (1500, 1500), np.uint8))
    stored = store_prediction(photo, identity=SOMEBODY, source="upload")
    assert stored.image.name.endswith(".jpg")
    assert (stored.width, stored.height) == (1500, 1500)


def test_concurrent_readings_are_limited_to_the_slots(
    reader: FakeReader, picture: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, reading = [], []

    def read(data: bytes, found: Any) -> Reading:
        reading.append(data)
        seen.append(len(reading))
        time.sleep(0.01)
        reading.pop()
        return reading_of("7", open_image(data))

    monkeypatch.setattr(reader, "read", read)
    monkeypatch.setattr(predictions, "admission", Admission(2, 2**28))
    with ThreadPoolExecutor(6) as pool:
        assert len(list(pool.map(read_picture, [picture] * 12))) == 12
    assert max(seen) == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("media", "reader")
def test_threads_storing_at_once_get_no_locked_database(picture: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("rows are locked here, not the database")
    # With any disk speed, threads write in turn.
    monkeypatch.setattr(predictions, "WRITE_TIMEOUT", 60.0)

    def store(times: int) -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA busy_timeout = 0")
            for _ in range(times):
                store_prediction(picture, identity=SOMEBODY, source="draw")
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(store, [10] * 8))
    assert Prediction.objects.count() == 80


@pytest.mark.parametrize("reason", [Reason.NO_INK, Reason.NOT_A_NUMBER])
def test_picture_without_a_number_stores_nothing(
    reader: FakeReader, picture: bytes, media: Path, reason: Reason
) -> None:
    reader.reason = reason
    with pytest.raises(NoNumber) as refused:
        store_prediction(picture, identity=SOMEBODY, source="draw")
    assert refused.value.code == reason.value
    assert files_in(media) == []
    assert not Prediction.objects.exists()


def test_bytes_that_are_not_a_picture_store_nothing(reader: FakeReader, media: Path) -> None:
    with pytest.raises(UnreadableImage):
        store_prediction(b"nonsense", identity=SOMEBODY, source="draw")
    assert files_in(media) == []
    assert not Prediction.objects.exists()


def test_page_of_more_than_500_digits_is_not_a_number(reader: FakeReader, picture: bytes) -> None:
    reader.text = "1" * (MAX_TEXT_LENGTH + 1)
    with pytest.raises(NoNumber):
        store_prediction(picture, identity=SOMEBODY, source="draw")


def test_nothing_is_stored_without_a_version(no_reader: None, picture: bytes, media: Path) -> None:
    with pytest.raises(NoServingVersion):
        store_prediction(picture, identity=SOMEBODY, source="draw")
    assert files_in(media) == []
    assert not Prediction.objects.exists()


@pytest.mark.parametrize("failure", [DatabaseError, KeyboardInterrupt, MemoryError])
@pytest.mark.usefixtures("image_files")
def test_image_is_deleted_if_its_row_fails(
    reader: FakeReader,
    picture: bytes,
    media: Path,
    monkeypatch: pytest.MonkeyPatch,
    failure: type[BaseException],
) -> None:
    def fail(*args: Any, **options: Any) -> None:
        assert len(files_in(media)) == 1
        raise failure

    monkeypatch.setattr(Prediction, "insert", fail)
    with pytest.raises(failure):
        store_prediction(picture, identity=SOMEBODY, source="draw")
    assert files_in(media) == []


@pytest.mark.usefixtures("image_files")
def test_row_is_not_written_if_its_image_fails(
    reader: FakeReader, picture: bytes, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **options: Any) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(default_storage, "save_all", fail)
    with pytest.raises(OSError, match="No space"):
        store_prediction(picture, identity=SOMEBODY, source="draw")
    assert not Prediction.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("image_files")
def test_deleted_predictions_delete_their_images(media: Path, make_prediction: Make) -> None:
    visitor = uuid.uuid4()
    for _ in range(3):
        make_prediction(visitor=visitor).flag("7")
    kept = make_prediction()
    assert erase_predictions(Prediction.objects.of(Identity(visitor=visitor))) == 3
    assert list(Prediction.objects.all()) == [kept]
    assert [file.name for file in files_in(media)] == [Path(kept.image.name).name]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("image_files")
def test_rolled_back_erasing_keeps_the_images(media: Path, make_prediction: Make) -> None:
    make_prediction()
    with transaction.atomic():
        erase_predictions(Prediction.objects.all())
        transaction.set_rollback(True)
    assert Prediction.objects.count() == len(files_in(media)) == 1


def orphan(media: Path, minutes_old: int) -> str:
    path = media / "predictions" / "2026" / "01" / "02" / "ab" / f"{uuid.uuid4().hex}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"left by a crash")
    then = time.time() - 60 * minutes_old
    os.utime(path, (then, then))
    return str(path.relative_to(media))


@pytest.mark.usefixtures("image_files")
def test_an_image_without_a_row_is_an_orphan_after_an_hour(media: Path, make_prediction: Make) -> None:
    make_prediction()
    old = orphan(media, minutes_old=61)
    orphan(media, minutes_old=5)
    assert list(orphaned_images(older_than=timedelta(hours=1))) == [old]


@pytest.mark.usefixtures("image_files")
def test_image_with_a_row_is_never_an_orphan(media: Path, make_prediction: Make) -> None:
    stored = make_prediction()
    os.utime(media / stored.image.name, (0, 0))
    assert list(orphaned_images(older_than=timedelta(hours=1))) == []


def test_files_of_versions_are_no_orphans(media: Path, make_prediction: Make) -> None:
    version = make_prediction().model_version
    version.keras_file.save("digits.keras", ContentFile(b"x"))
    os.utime(media / version.keras_file.name, (0, 0))
    assert list(orphaned_images(older_than=timedelta(0))) == []


@pytest.mark.usefixtures("image_files")
def test_row_without_an_image_is_found(media: Path, make_prediction: Make) -> None:
    make_prediction()
    lost = make_prediction()
    (media / lost.image.name).unlink()
    assert list(rows_without_image()) == [lost]
