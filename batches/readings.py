"""The worker's side of a batch: chunks taken, read and kept, each picture once, whoever dies meanwhile."""

import logging
import threading
import time
import zipfile
from functools import partial
from typing import Any

from django.core.files.storage import default_storage
from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from recognizer.exceptions import NoNumber, NoServingVersion
from recognizer.models import Prediction
from recognizer.predictions import delete_images, read_prediction, save_images
from recognizer.reading import UnreadableImage
from recognizer.visitors import Identity

from .archives import Picture, pictures_in
from .ending import stop_batch
from .models import LEASE, RETRY, Batch, Chunk, Item, State

logger = logging.getLogger(__name__)

RENEW_EVERY = LEASE.total_seconds() / 4
PATIENT_ATTEMPTS = 3
"""Times that workers may die over one chunk before the picture they died at is held to be the cause."""

_at_work = threading.Lock()


class Fenced(Exception):
    """The batch has ended, or another worker has taken the chunk: what was read here is not kept."""


def read_waiting(stopping: threading.Event) -> None:
    """Read chunks until none waits. Nothing happens where this process is at it already."""
    if not _at_work.acquire(blocking=False):
        return
    try:
        while not stopping.is_set() and (chunk := Chunk.objects.take()):
            read_chunk(chunk)
    finally:
        _at_work.release()


def read_chunk(chunk: Chunk) -> None:
    """Read a chunk and keep what it held. What is wanting besides the pictures puts it off for a few seconds."""
    try:
        batch = Batch.objects.select_related("owner", "model_version").get(pk=chunk.batch_id)
        with default_storage.open(chunk.part) as file:
            pictures = list(pictures_in(file.read(), chunk.first))
        if chunk.attempts == 1:
            _read_together(batch, chunk, pictures)
        else:
            _read_one_by_one(batch, chunk, pictures)
    except (Fenced, Batch.DoesNotExist):
        logger.info("%s is done, cancelled or another's", chunk)
    except (FileNotFoundError, zipfile.BadZipFile):
        # Who comes late finds nothing either: another has read it, or the batch is erased.
        if Chunk.objects.held(chunk).exists():
            logger.error("%s is gone from the storage, or damaged there", chunk)
            stop_batch(batch, State.FAILED, "A part of what was sent is gone from the storage, or damaged there.")
    except (NoServingVersion, OSError, DatabaseError) as error:
        logger.warning("%s is put off: %s", chunk, error)
        later: dict[str, Any] = {"lease_until": timezone.now() + RETRY}
        # Nobody died: the attempt does not count. Unless some of it is kept already, which the next one passes over.
        if not isinstance(error, IntegrityError):
            later["attempts"] = F("attempts") - 1
        Chunk.objects.held(chunk).update(**later)


def _read_together(batch: Batch, chunk: Chunk, pictures: list[Picture]) -> None:
    renewed = time.monotonic()
    items = []
    for picture in pictures:
        items.append(_read(batch, picture))
        if time.monotonic() - renewed > RENEW_EVERY:
            _renew(chunk)
            renewed = time.monotonic()
    _keep(chunk, items, last=True)


def _read_one_by_one(batch: Batch, chunk: Chunk, pictures: list[Picture]) -> None:
    """Read a chunk over which a worker has died: note each picture before it is read, keep it as soon as it is."""
    kept = set(
        batch.items.filter(number__range=(chunk.first, chunk.first + chunk.count)).values_list("number", flat=True)
    )
    for picture in pictures:
        if picture.number in kept:
            continue
        if picture.number == chunk.suspect and chunk.attempts > PATIENT_ATTEMPTS:
            logger.error("picture %s of %s kills whoever reads it", picture.number, batch)
            item = Item(batch=batch, number=picture.number, name=picture.name, code="unreadable")
        else:
            _renew(chunk, suspect=picture.number)
            item = _read(batch, picture)
        _keep(chunk, [item])
    _keep(chunk, [], last=True)


def _read(batch: Batch, picture: Picture) -> Item:
    """Read one picture; nothing is kept yet."""
    item = Item(batch=batch, number=picture.number, name=picture.name, code=picture.code)
    if picture.code:
        return item
    try:
        item.prediction = read_prediction(
            picture.content,
            identity=Identity(user=batch.owner),
            source=batch.source,
            # No call can come under this key: theirs have no blanks.
            key=f"batch {batch.pk} {picture.number}",
            version=batch.model_version,
        )
    except (UnreadableImage, NoNumber) as error:
        item.code = error.code
    except (NoServingVersion, OSError, DatabaseError):
        raise
    except Exception:
        # A fault of ours; the other pictures need not suffer for it.
        logger.exception("picture %s of %s", picture.number, batch)
        item.code = "unreadable"
    return item


def _keep(chunk: Chunk, items: list[Item], last: bool = False) -> None:
    """Keep images, predictions and items together; with `last` the chunk is done, and the batch with its last chunk.

    Raises Fenced, and then nothing is kept.
    """
    predictions = [item.prediction for item in items if item.prediction is not None]
    save_images(predictions)
    try:
        with transaction.atomic():
            # Most of the work, before other workers of the batch have to wait for its row.
            Prediction.objects.bulk_create(predictions)
            batch = Batch.objects.select_for_update().filter(pk=chunk.batch_id, state=State.RUNNING).first()
            if batch is None or not Chunk.objects.held(chunk).select_for_update().exists():
                raise Fenced()
            Item.objects.bulk_create(items)
            batch.read += len(predictions)
            batch.refused += len(items) - len(predictions)
            if last:
                Chunk.objects.filter(pk=chunk.pk).delete()
                transaction.on_commit(partial(delete_images, [chunk.part]))
                if not batch.chunks.exists():
                    batch.state, batch.finished_at = State.DONE, timezone.now()
            batch.save(update_fields=["read", "refused", "state", "finished_at"])
            if batch.state == State.DONE:
                batch.tell_of_its_end()
    except (Fenced, IntegrityError):
        delete_images([str(prediction.image) for prediction in predictions])
        raise
    # Where the database fell silent nobody knows what it kept: the images stay, and `sweep_media` finds the idle ones.


def _renew(chunk: Chunk, suspect: int | None = None) -> None:
    running = Chunk.objects.held(chunk).filter(batch__state=State.RUNNING)
    noted = {} if suspect is None else {"suspect": suspect}
    if not running.update(lease_until=timezone.now() + LEASE, **noted):
        raise Fenced()
