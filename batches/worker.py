"""Read batches in a worker: lease chunks, read their pictures and store each exactly once, even if workers die."""

import logging
import threading
import time
import zipfile
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from django.core.files.storage import default_storage
from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_noop

from core.leases import LeaseLost
from core.storage.deletion import delete_files
from recognizer.api.codes import Code
from recognizer.exceptions import NoNumber, NoServingVersion, QuotaExceeded
from recognizer.identity import Identity
from recognizer.labels import imported_correction
from recognizer.models import Correction, Prediction
from recognizer.predictions import read_prediction, save_images
from recognizer.quotas import count_in
from recognizer.reading import UnreadableImage
from recognizer.thumbnails import tiny_copy

from .archives import Picture, pictures_in
from .lifecycle import stop_batch
from .models import LEASE, RETRY_DELAY, Batch, BatchState, Chunk, Item

logger = logging.getLogger(__name__)

HEARTBEAT_INTERVAL = LEASE.total_seconds() / 4
PATIENT_ATTEMPTS = 3
"""Worker deaths on one chunk before the picture that was being read is considered the cause."""

SAVED_TOGETHER = 24
"""Pictures whose images are saved while the next ones are read. Of a part's 64, the last 16 are saved at the end."""

_reading = threading.Lock()
_saver = ThreadPoolExecutor(1, "images")


def read_waiting(stopping: threading.Event) -> None:
    """Read chunks until none is left or `stopping` is set. Does nothing if this process is reading already."""
    if not _reading.acquire(blocking=False):
        return
    try:
        while not stopping.is_set() and (chunk := Chunk.objects.take()):
            read_chunk(chunk)
    finally:
        _reading.release()


def read_chunk(chunk: Chunk) -> None:
    """Read a chunk and store its results. If network, storage or database fail, retry it after a few seconds."""
    try:
        batch = Batch.objects.select_related("owner", "model_version").get(pk=chunk.batch_id)
        with default_storage.open(chunk.part) as file:
            pictures = list(pictures_in(file.read(), chunk.first))
        if chunk.attempts == 1:
            _read_together(batch, chunk, pictures)
        else:
            _read_one_by_one(batch, chunk, pictures)
    except (LeaseLost, Batch.DoesNotExist):
        logger.info("%s is done, cancelled or taken by another worker", chunk)
    except (FileNotFoundError, zipfile.BadZipFile):
        # The part is also missing if another worker has read it, or the batch was deleted.
        if Chunk.objects.held(chunk.pk, chunk.fence).exists():
            logger.error("%s is missing in the storage, or damaged", chunk)
            stop_batch(
                batch, BatchState.FAILED, gettext_noop("A part of the upload is missing in the storage, or damaged.")
            )
    except (NoServingVersion, OSError, DatabaseError) as error:
        logger.warning("%s is retried later: %s", chunk, error)
        later: dict[str, Any] = {"lease_until": timezone.now() + RETRY_DELAY}
        # No worker died, so the attempt does not count, unless some pictures are stored; the next attempt skips those.
        if not isinstance(error, IntegrityError):
            later["attempts"] = F("attempts") - 1
        Chunk.objects.held(chunk.pk, chunk.fence).update(**later)


def _read_together(batch: Batch, chunk: Chunk, pictures: list[Picture]) -> None:
    """Read all pictures of a chunk, and store them together. Images are saved while the next pictures are read."""
    renewed = time.monotonic()
    items: list[Item] = []
    saving: list[Future[list[Prediction]]] = []
    try:
        for picture in pictures:
            items.append(_read(batch, picture))
            if len(items) % SAVED_TOGETHER == 0:
                saving.append(_saver.submit(_save, items[-SAVED_TOGETHER:]))
            if time.monotonic() - renewed > HEARTBEAT_INTERVAL:
                _heartbeat(chunk)
                renewed = time.monotonic()
        saving.append(_saver.submit(_save, items[len(saving) * SAVED_TOGETHER :]))
        for each in saving:
            each.result()
    except BaseException:
        _delete_images([prediction for each in saving if not each.exception() for prediction in each.result()])
        raise
    _keep(chunk, items, last=True)


def _read_one_by_one(batch: Batch, chunk: Chunk, pictures: list[Picture]) -> None:
    """Read a chunk on which a worker has died: record each picture before reading it, and store it at once."""
    numbers = (chunk.first, chunk.first + chunk.count - 1)
    existing = set(batch.items.filter(number__range=numbers).values_list("number", flat=True))
    for picture in pictures:
        if picture.number in existing:
            continue
        if picture.number == chunk.suspect and chunk.attempts > PATIENT_ATTEMPTS:
            logger.error("picture %s of %s crashes the worker that reads it", picture.number, batch)
            item = Item(batch=batch, number=picture.number, name=picture.name, code=Code.UNREADABLE)
        else:
            _heartbeat(chunk, suspect=picture.number)
            item = _read(batch, picture)
        _save([item])
        _keep(chunk, [item])
    _keep(chunk, [], last=True)


def _read(batch: Batch, picture: Picture) -> Item:
    """Read one picture and return its unsaved item."""
    item = Item(batch=batch, number=picture.number, name=picture.name, code=picture.code)
    item.label = picture.label
    if picture.code:
        return item
    try:
        item.prediction = read_prediction(
            picture.content,
            identity=Identity(user=batch.owner),
            source=batch.source,
            # Calls cannot use this key, because an Idempotency-Key has no spaces.
            key=f"batch {batch.pk} {picture.number}",
            batch=batch.pk,
            filename=picture.name,
            version=batch.model_version,
        )
    except UnreadableImage as error:
        item.code = error.code
    except NoNumber as error:
        item.code, item.picture = error.code, tiny_copy(picture.content)
    except (NoServingVersion, OSError, DatabaseError):
        raise
    except Exception:
        # A bug; the other pictures can still be read.
        logger.exception("picture %s of %s", picture.number, batch)
        item.code = Code.UNREADABLE
    return item


def _keep(chunk: Chunk, items: list[Item], last: bool = False) -> None:
    """Store predictions and items, all or none. Images are already saved; they are deleted if the rows are refused.

    last: the chunk is done; with the last chunk, so is the batch. Raises LeaseLost; then nothing is stored.
    """
    predictions = _predictions(items)
    try:
        with transaction.atomic():
            # Most of the work is done before the batch's row is locked, for which other workers wait.
            Prediction.objects.insert(predictions)
            Correction.objects.bulk_create(
                imported_correction(item.prediction, item.label, item.batch.owner)
                for item in items
                if item.prediction is not None and item.label is not None
            )
            batch = Batch.objects.select_for_update().filter(pk=chunk.batch_id, state=BatchState.RUNNING).first()
            if batch is None or not Chunk.objects.held(chunk.pk, chunk.fence).select_for_update().exists():
                raise LeaseLost(f"{chunk} has ended, or was taken by another worker")
            Item.objects.bulk_create(items)
            batch.read += len(predictions)
            batch.refused += len(items) - len(predictions)
            if last:
                Chunk.objects.filter(pk=chunk.pk).delete()
                if not batch.chunks.exists():
                    batch.state, batch.finished_at = BatchState.DONE, timezone.now()
            batch.save(update_fields=["read", "refused", "state", "finished_at"])
            if batch.state == BatchState.DONE:
                batch.queue_webhook()
            if predictions:
                count_in(Identity(user=predictions[0].owner), predictions)
    except QuotaExceeded:
        _delete_images(predictions)
        _keep(chunk, [_refused(item) if item.prediction else item for item in items], last)
    except (LeaseLost, IntegrityError):
        _delete_images(predictions)
        raise
    # If the connection was lost, the commit may have succeeded: keep the images; `sweep_media` deletes unused ones.


def _predictions(items: list[Item]) -> list[Prediction]:
    return [item.prediction for item in items if item.prediction is not None]


def _save(items: list[Item]) -> list[Prediction]:
    """Save the images of items and return their predictions. Raises OSError."""
    predictions = _predictions(items)
    save_images(predictions)
    return predictions


def _delete_images(predictions: list[Prediction]) -> None:
    delete_files([str(prediction.image) for prediction in predictions])


def _refused(item: Item) -> Item:
    return Item(batch=item.batch, number=item.number, name=item.name, code=Code.QUOTA_EXCEEDED)


def _heartbeat(chunk: Chunk, **fields: Any) -> None:
    Chunk.objects.filter(batch__state=BatchState.RUNNING).heartbeat(chunk.pk, chunk.fence, **fields)
