"""Cancel batches and delete them."""

import threading
from collections.abc import Iterator
from datetime import timedelta

from django.db import transaction

from core.audit import record
from core.models import Event
from core.storage.durable import unknown_files
from recognizer.erasures import MAX_AT_ONCE
from recognizer.models import Prediction
from recognizer.predictions import ERASE_CHUNK, erase_predictions

from .models import Batch, BatchState, Chunk, Delivery

FOLDER = "batches"
"""Folder of the storage for parts that are not read yet."""


def stop_batch(batch: Batch, state: BatchState = BatchState.CANCELLED, error: str = "") -> bool:
    """End a batch and delete its unread parts; predictions stay. Returns False if it had ended or is deleted."""
    with transaction.atomic():
        if not _hold(batch):
            return False
        ended = batch.end(state, error)
        if ended:
            batch.queue_webhook()
        batch.chunks.all().delete()
    return ended


def _hold(batch: Batch) -> bool:
    """Lock a batch's row, as workers do when they store a chunk, so that no chunk is cut off half stored.

    Returns False if the batch is deleted.
    """
    return Batch.objects.select_for_update().filter(pk=batch.pk).exists()


def erase_batch(batch: Batch) -> bool:
    """Delete a batch with all its predictions; a worker deletes large ones. Returns whether it is deleted already."""
    with transaction.atomic():
        if not _hold(batch):
            return True
        if batch.total > MAX_AT_ONCE:
            batch.chunks.all().delete()
            Delivery.objects.filter(batch=batch).delete()
            if Batch.objects.exclude(state=BatchState.ERASING).filter(pk=batch.pk).update(state=BatchState.ERASING):
                record(Event.ERASED, batch, pictures=batch.total)
            return False
        read = batch.items.filter(prediction__isnull=False).values("prediction")
        erase_predictions(Prediction.objects.filter(pk__in=read))
        record(Event.ERASED, batch, pictures=batch.total)
        batch.delete()
    return True


def erase_waiting(stopping: threading.Event) -> None:
    """Delete batches until none is left to delete, or `stopping` is set."""
    while not stopping.is_set() and _erase_part():
        pass


def _erase_part() -> bool:
    """Delete the next pictures of a batch to delete, or its last rows. Returns False if there is no such batch."""
    with transaction.atomic():
        # Rows locked by others are being deleted there.
        batch = Batch.objects.filter(state=BatchState.ERASING).select_for_update(skip_locked=True).first()
        if batch is None:
            return False
        items = dict(batch.items.order_by("number").values_list("pk", "prediction")[:ERASE_CHUNK])
        Prediction.objects.filter(pk__in=filter(None, items.values())).only("image").delete()
        batch.items.filter(pk__in=items).delete()
        if not items:
            batch.delete()
    return True


def orphaned_parts(older_than: timedelta) -> Iterator[str]:
    """Yield stored parts without a chunk, left by a crash or a storage outage, that are older than `older_than`."""
    return unknown_files(
        FOLDER, lambda names: set(Chunk.objects.filter(part__in=names).values_list("part", flat=True)), older_than
    )
