"""The one way a picture becomes a stored prediction, and the one way predictions go."""

import datetime
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from hashlib import sha256

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import IntegrityError, connection, transaction

from .exceptions import KeyReused, NoNumber
from .metrics import READING_SECONDS, READINGS, STAGE_SECONDS
from .models import LONGEST_TEXT, ModelVersion, Prediction, PredictionQuerySet, image_files
from .reading import Reading, Reason, UnreadableImage, encode_page, frames_strip, open_image, open_strip
from .reading.explanation import explain
from .reading.heat import heat_strip
from .serving import reader_for, serving_reader
from .storage import unknown_files
from .visitors import Identity

TURNS = threading.BoundedSemaphore(os.cpu_count() or 1)
"""Readings at once in this process: more of them than processors would only take the interpreter from each other."""

WRITING = threading.Lock()
LONGEST_WAIT = 1.0
"""Seconds to wait for one's turn to write; where somebody holds the database, it has a patience of its own."""


def read_picture(data: bytes, version: ModelVersion | None = None) -> tuple[Reading, ModelVersion]:
    """Read a picture with a version, the serving one for None.

    Raises UnreadableImage for what is no picture, NoNumber for one without a number and NoServingVersion.
    """
    reader = reader_for(version)
    try:
        with TURNS, READING_SECONDS.time():
            reading = reader.read(data)
    except UnreadableImage as error:
        READINGS.labels(error.code).inc()
        raise
    if reading.reason is None and len(reading.text) > LONGEST_TEXT:
        READINGS.labels("not_a_number").inc()
        raise NoNumber(Reason.NOT_A_NUMBER)
    READINGS.labels(reading.reason or "read").inc()
    if reading.reason is not None:
        raise NoNumber(reading.reason)
    return reading, reader.version


def store_prediction(
    data: bytes, *, identity: Identity, source: str, key: str = "", version: ModelVersion | None = None
) -> Prediction:
    """Read a picture, with a version or the serving one, and keep it: image and row live or die together.

    The image is written first, so that no row is ever without one; where the row fails the image is removed,
    and what a crash leaves between the two `manage.py sweep_media` finds. Under one Idempotency-Key of one identity
    a picture is kept once, and returned as it was kept. Raises as `read_picture`, and KeyReused where another
    picture, or another version to read it with, came under the key.
    """
    asked = f"{source} {version or ''} "
    digest = sha256(asked.encode() + data).hexdigest() if key else ""
    if key and (kept := _kept_under(key, digest, identity)):
        return kept
    prediction = read_prediction(data, identity=identity, source=source, key=key, version=version)
    save_images([prediction])
    prediction.request_sha256 = digest
    try:
        # One statement, in no transaction of ours: SQLite is locked for it alone.
        with STAGE_SECONDS.labels("row").time(), _turn_to_write():
            prediction.save(force_insert=True)
    except BaseException as error:
        default_storage.delete(str(prediction.image))
        # The same call, sent twice at once, may have been faster.
        if key and isinstance(error, IntegrityError) and (kept := _kept_under(key, digest, identity)):
            return kept
        raise
    return prediction


@contextmanager
def _turn_to_write() -> Iterator[None]:
    """Have the threads of this process write to SQLite one after the other.

    It lets who finds it locked sleep, ever longer: under load some slept for a second while others passed them.
    """
    mine = connection.vendor == "sqlite" and WRITING.acquire(timeout=LONGEST_WAIT)
    try:
        yield
    finally:
        if mine:
            WRITING.release()


def read_prediction(
    data: bytes, *, identity: Identity, source: str, key: str, version: ModelVersion | None = None
) -> Prediction:
    """Read a picture; nothing is stored, and the image waits for `save_images`. Raises as `read_picture`."""
    reading, version = read_picture(data, version)
    with STAGE_SECONDS.labels("encode").time():
        encoded, extension = encode_page(reading.page)
    prediction = build_prediction(reading, version, source)
    prediction.owner, prediction.visitor = identity.user, identity.visitor
    prediction.request_key = key
    prediction.image = ContentFile(encoded, f"page.{extension}")
    return prediction


def save_images(predictions: list[Prediction]) -> None:
    """Write the images that predictions brought along, all or none. Raises OSError where that cannot be."""
    images = [prediction.image for prediction in predictions]
    names = image_files([str(image.name) for image in images])
    with STAGE_SECONDS.labels("image").time():
        files = [(name, image.file) for name, image in zip(names, images, strict=True)]
        names = default_storage.save_all(files)  # type: ignore[attr-defined]  # of both of our storages
    for prediction, name in zip(predictions, names, strict=True):
        prediction.image = name


def _kept_under(key: str, digest: str, identity: Identity) -> Prediction | None:
    kept = Prediction.objects.of(identity).filter(request_key=key).with_version().first()
    if kept is not None and kept.request_sha256 != digest:
        raise KeyReused()
    return kept


def build_prediction(reading: Reading, version: ModelVersion, source: str) -> Prediction:
    """Make the row of a reading, without owner and image; nothing is stored."""
    height, width = reading.page.shape
    prediction = Prediction(
        source=source,
        width=width,
        height=height,
        frames=frames_strip([digit.frame for digit in reading.digits]) if reading.digits else b"",
        text=reading.text,
        confidence=reading.confidence,
        digits=[digit.as_json() for digit in reading.digits],
        model_version=version,
    )
    # Nobody need ask the database.
    prediction.correction = None
    return prediction


MOST_HEATED = 24
"""Digits whose strokes are weighed for one picture; the rest of a longer reading stays grey."""


def heat_of(prediction: Prediction) -> bytes:
    """Draw which strokes of a prediction's frames speak for its digits, to the serving version, as a PNG strip.

    Raises NoServingVersion.
    """
    frames = open_strip(bytes(prediction.frames))
    labels = [digit["label"] for digit in prediction.digits]
    return heat_strip(serving_reader().reader.classifier, frames, labels, MOST_HEATED)


def explanation_of(prediction: Prediction) -> bytes:
    """Draw how the serving version reads a prediction's picture, stage by stage, as PNG.

    Raises FileNotFoundError where the image is gone, and NoServingVersion.
    """
    with prediction.image.open("rb") as file:
        page = open_image(file.read())
    return explain(serving_reader().reader, page)


def erase_predictions(predictions: PredictionQuerySet) -> int:
    """Delete predictions for good, rows first, images once the rows are surely gone. Returns how many."""
    with transaction.atomic():
        names = list(predictions.values_list("image", flat=True))
        predictions.delete()
        transaction.on_commit(partial(delete_images, names))
    return len(names)


def delete_images(names: list[str]) -> None:
    for name in names:
        default_storage.delete(name)


def orphaned_images(older_than: datetime.timedelta) -> Iterator[str]:
    """Yield the names of stored images without a row, left by a crash or a deleted account."""
    return unknown_files(
        "predictions",
        lambda names: set(Prediction.objects.filter(image__in=names).values_list("image", flat=True)),
        older_than,
    )


def rows_without_image() -> Iterator[Prediction]:
    """Yield predictions whose image is gone."""
    for prediction in Prediction.objects.only("pk", "image").iterator():
        if not default_storage.exists(str(prediction.image)):
            yield prediction
