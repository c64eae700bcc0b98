"""How batches end before their time, and how they go."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

from django.db import transaction

from recognizer.models import Prediction
from recognizer.predictions import delete_images, erase_predictions
from recognizer.storage import unknown_files

from .models import Batch, Chunk, State

FOLDER = "batches"
"""Where parts lie in the storage until they are read."""


def stop_batch(batch: Batch, state: State = State.CANCELLED, error: str = "") -> bool:
    """End a batch and forget what of it was not read; what was stays. Returns False where it had ended or is gone."""
    with transaction.atomic():
        if not _hold(batch):
            return False
        ended = batch.end(state, error)
        if ended:
            batch.tell_of_its_end()
        forget_chunks(batch)
    return ended


def _hold(batch: Batch) -> bool:
    """Lock a batch's row, as whoever keeps a chunk does: what is half kept is whole before anything is cut off.

    Returns False where it is gone.
    """
    return Batch.objects.select_for_update().filter(pk=batch.pk).exists()


def forget_chunks(batch: Batch) -> None:
    parts = list(batch.chunks.values_list("part", flat=True))
    batch.chunks.all().delete()
    transaction.on_commit(partial(delete_images, parts))


def erase_batch(batch: Batch) -> None:
    """Delete a batch for good, with every prediction that came of it."""
    with transaction.atomic():
        if not _hold(batch):
            return
        forget_chunks(batch)
        read = batch.items.filter(prediction__isnull=False).values("prediction")
        erase_predictions(Prediction.objects.filter(pk__in=read))
        batch.delete()


def orphaned_parts(older_than: timedelta) -> Iterator[str]:
    """Yield stored parts that no chunk knows, left by a crash or a deleted account; younger ones are passed over."""
    return unknown_files(
        FOLDER, lambda names: set(Chunk.objects.filter(part__in=names).values_list("part", flat=True)), older_than
    )
