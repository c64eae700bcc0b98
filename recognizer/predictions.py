"""Read pictures, store predictions and delete them."""

import datetime
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from hashlib import sha256

import numpy as np
from django.core.files.storage import default_storage
from django.db import IntegrityError, connection, transaction

from core.audit import record
from core.fair_semaphore import at_work
from core.models import Event
from core.storage.deletion import delete_files
from core.storage.durable import unknown_files
from recognizer.serving.cache import reader_for

from .admission import Caller, admission
from .exceptions import KeyReused, NoNumber
from .identity import Identity
from .metrics import READING_SECONDS, READINGS, STAGE_SECONDS
from .models import MAX_FILENAME_LENGTH, MAX_TEXT_LENGTH, ModelVersion, Prediction, PredictionQuerySet, image_files
from .quotas import check_room, count_in
from .reading import (
    Reading,
    Reason,
    UnreadableImage,
    encode_page,
    frames_strip,
    is_isolated,
    open_image,
    open_strip,
    pixels_decoded,
)
from .reading.explanation import explain, mask_layer
from .reading.occlusion import heat_strip

SQLITE_WRITE_LOCK = threading.Lock()
WRITE_TIMEOUT = 1.0
"""Seconds to wait for this process's other threads; SQLite's own busy timeout (LOCK_TIMEOUT) applies after that."""


def read_picture(
    data: bytes, version: ModelVersion | None = None, caller: Caller | None = None
) -> tuple[Reading, ModelVersion]:
    """Read a picture with a version (default: the current one). caller: whose large pictures are read one at a time.

    Raises UnreadableImage if it is not a picture, NoNumber if it has no number, TooBusy or NoServingVersion.
    """
    reader = reader_for(version)
    try:
        # This process only waits while another one decodes.
        apart = at_work.pause() if is_isolated(data) else nullcontext()
        with apart, admission.turn(pixels_decoded(data), caller) as found, READING_SECONDS.time():
            reading = reader.read(data, found)
    except UnreadableImage as error:
        READINGS.labels(error.code).inc()
        raise
    reason = reading.reason or (Reason.NOT_A_NUMBER if len(reading.text) > MAX_TEXT_LENGTH else None)
    READINGS.labels(reason or "read").inc()
    if reason is not None:
        raise NoNumber(reason)
    return reading, reader.version


def store_prediction(
    data: bytes,
    *,
    identity: Identity,
    source: str,
    key: str = "",
    version: ModelVersion | None = None,
    caller: Caller | None = None,
    filename: str = "",
) -> Prediction:
    """Read a picture with a version (default: the current one) and store image and row, both or neither.

    A small image is in the row. A larger one is written to a file before the row, so that no row is without one. If
    saving the row fails, the file is deleted; after a crash between the two, `manage.py sweep_media` deletes it. key:
    the call's Idempotency-Key; a repeated call of the same identity returns the stored prediction. Raises as
    `read_picture`, QuotaExceeded if no more may be stored, and KeyReused if the key was used for another picture or
    version.
    """
    params = f"{source} {version or ''} "
    digest = sha256(params.encode() + data).hexdigest() if key else ""
    if key and (existing := _kept_under(key, digest, identity)):
        return existing
    check_room(identity)
    prediction = read_prediction(
        data, identity=identity, source=source, key=key, version=version, caller=caller, filename=filename
    )
    save_images([prediction])
    prediction.request_sha256 = digest
    try:
        # Nothing but the two statements in the transaction, so SQLite is locked only while they run.
        with STAGE_SECONDS.labels("row").time(), _turn_to_write(), transaction.atomic():
            prediction.insert()
            count_in(identity, [prediction])
    except BaseException as error:
        delete_files([str(prediction.image)])
        # The same call, sent twice at once, may have been stored first.
        if key and isinstance(error, IntegrityError) and (existing := _kept_under(key, digest, identity)):
            return existing
        raise
    return prediction


@contextmanager
def _turn_to_write() -> Iterator[None]:
    """Let only one thread of this process write to SQLite at a time.

    SQLite lets a thread that finds the database locked sleep for ever longer intervals; under load, some slept for a
    second while others overtook them.
    """
    mine = connection.vendor == "sqlite" and SQLITE_WRITE_LOCK.acquire(timeout=WRITE_TIMEOUT)
    try:
        yield
    finally:
        if mine:
            SQLITE_WRITE_LOCK.release()


def read_prediction(
    data: bytes,
    *,
    identity: Identity,
    source: str,
    key: str,
    version: ModelVersion | None = None,
    caller: Caller | None = None,
    filename: str = "",
    batch: int | None = None,
) -> Prediction:
    """Read a picture and return an unsaved prediction; `save_images` saves its image. Raises as `read_picture`."""
    reading, version = read_picture(data, version, caller)
    with STAGE_SECONDS.labels("encode").time():
        encoded, extension = encode_page(reading.page, came_in=data)
    prediction = build_prediction(reading, version, source)
    prediction.owner, prediction.visitor = identity.user, identity.visitor
    prediction.request_key, prediction.batch = key, batch
    prediction.filename = filename[:MAX_FILENAME_LENGTH]
    prediction.take_image(encoded, extension)
    return prediction


def save_images(predictions: list[Prediction]) -> None:
    """Save the images of unsaved predictions that become files, all or none. Raises OSError."""
    to_save = [prediction for prediction in predictions if prediction.image]
    if not to_save:
        return
    images = [prediction.image for prediction in to_save]
    names = image_files([str(image.name) for image in images])
    with STAGE_SECONDS.labels("image").time():
        files = [(name, image.file) for name, image in zip(names, images, strict=True)]
        names = default_storage.save_all(files)  # type: ignore[attr-defined]  # both storages of core/storage have it
    for prediction, name in zip(to_save, names, strict=True):
        prediction.image = name


def _kept_under(key: str, digest: str, identity: Identity) -> Prediction | None:
    existing = Prediction.objects.of(identity).filter(request_key=key).with_version().first()
    if existing is not None and existing.request_sha256 != digest:
        raise KeyReused()
    return existing


def build_prediction(reading: Reading, version: ModelVersion, source: str) -> Prediction:
    """Return an unsaved prediction of a reading, without owner and image."""
    height, width = reading.page.shape
    prediction = Prediction(
        source=source,
        width=width,
        height=height,
        frames=frames_strip([digit.frame for digit in reading.digits]) if reading.digits else b"",
        text=reading.text,
        confidence=reading.confidence,
        digits=[digit.as_json() for digit in reading.digits],
        ignored=[ignored.as_json() for ignored in reading.ignored],
        masked=reading.masked,
        model_version=version,
    )
    # A new prediction has no correction; this saves a query.
    prediction.correction = None
    return prediction


MAX_OCCLUDED = 24
"""Digits of one picture for which an occlusion map is computed; the others stay grey."""


def occlusion_of(prediction: Prediction) -> bytes:
    """Draw occlusion maps of a prediction's digits, by the version that read it, as a PNG strip.

    Raises NoServingVersion if that version cannot be loaded.
    """
    frames = open_strip(bytes(prediction.frames))
    labels = [digit["label"] for digit in prediction.digits]
    return heat_strip(reader_for(prediction.model_version).reader.classifier, frames, labels, MAX_OCCLUDED)


def explanation_of(prediction: Prediction) -> bytes:
    """Draw every stage of a prediction's reading, by the version that read it, as PNG.

    Raises FileNotFoundError if the image is missing, NoServingVersion if that version cannot be loaded.
    """
    page = _page_of(prediction)
    return explain(reader_for(prediction.model_version).reader, page)


def mask_of(prediction: Prediction) -> bytes:
    """Draw the page network's mask of a prediction's picture, as a transparent PNG.

    Raises FileNotFoundError if the image is missing, NoServingVersion if its version cannot be loaded.
    """
    page = _page_of(prediction)
    return mask_layer(reader_for(prediction.model_version).reader, page)


def part_of(prediction: Prediction, box: tuple[int, int, int, int], turn: int, caller: Caller) -> bytes:
    """Crop a prediction's picture to a box, and rotate it. Returns a picture's bytes.

    box: x, y, width, height in pixels, inside the picture. turn: degrees clockwise, a multiple of 90. Raises
    FileNotFoundError if the image is missing, and TooBusy.
    """
    x, y, width, height = box
    with admission.turn(prediction.pixels_decoded, caller):
        part = np.rot90(_page_of(prediction)[y : y + height, x : x + width], -turn // 90)
        return encode_page(np.ascontiguousarray(part))[0]


def _page_of(prediction: Prediction) -> np.ndarray:
    with prediction.open_image() as file:
        return open_image(file.read())


ERASE_CHUNK = 500
"""Predictions deleted in one transaction."""


def erase_predictions(predictions: PredictionQuerySet) -> int:
    """Delete predictions in chunks, so that memory stays flat. Returns how many."""
    erased = 0
    while count := erase_chunk(predictions):
        erased += count
    return erased


def erase_prediction(prediction: Prediction, by: Identity | None) -> None:
    """Delete one prediction, with an audit entry if it is not the owner who does."""
    with transaction.atomic():
        if not prediction.belongs_to(by):
            record(Event.ERASED, prediction)
        prediction.delete()


def erase_chunk(predictions: PredictionQuerySet) -> int:
    """Delete the oldest of the given predictions, at most ERASE_CHUNK. Returns how many."""
    chunk = list(predictions.order_by("pk").values_list("pk", flat=True)[:ERASE_CHUNK])
    Prediction.objects.filter(pk__in=chunk).only("image").delete()
    return len(chunk)


def orphaned_images(older_than: datetime.timedelta) -> Iterator[str]:
    """Yield the names of stored images without a row, left by a crash or a storage outage."""
    return unknown_files(
        "predictions",
        lambda names: set(Prediction.objects.filter(image__in=names).values_list("image", flat=True)),
        older_than,
    )


def rows_without_image() -> Iterator[Prediction]:
    """Yield predictions whose image file is missing."""
    for prediction in Prediction.objects.filter(image_content=None).only("pk", "image").iterator():
        if not (prediction.image and default_storage.exists(str(prediction.image))):
            yield prediction
