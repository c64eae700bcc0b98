"""How batches end before their time, and how they go."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from recognizer.models import Prediction
from recognizer.predictions import delete_images, erase_predictions

from .models import Batch, Chunk, State

FOLDER = "batches"
"""Where parts lie in the storage until they are read."""


def stop_batch(batch: Batch, state: State = State.CANCELLED, error: str = "") -> bool:
    """End a batch and forget what of it was not read; what was stays. Returns False where it had ended."""
    with transaction.atomic():
        # Whoever keeps a chunk holds this row: what is half kept is whole before anything is cut off.
        Batch.objects.select_for_update().only("pk").get(pk=batch.pk)
        ended = batch.end(state, error)
        forget_chunks(batch)
    return ended


def forget_chunks(batch: Batch) -> None:
    parts = list(batch.chunks.values_list("part", flat=True))
    batch.chunks.all().delete()
    transaction.on_commit(partial(delete_images, parts))


def erase_batch(batch: Batch) -> None:
    """Delete a batch for good, with every prediction that came of it."""
    with transaction.atomic():
        Batch.objects.select_for_update().only("pk").get(pk=batch.pk)
        forget_chunks(batch)
        read = batch.items.filter(prediction__isnull=False).values("prediction")
        erase_predictions(Prediction.objects.filter(pk__in=read))
        batch.delete()


def orphaned_parts(older_than: timedelta) -> Iterator[str]:
    """Yield stored parts that no chunk knows, left by a crash or a deleted account; younger ones are passed over."""
    before = timezone.now() - older_than
    try:
        days, _ = default_storage.listdir(FOLDER)
    except FileNotFoundError:
        return
    for day in days:
        names = [f"{FOLDER}/{day}/{name}" for name in default_storage.listdir(f"{FOLDER}/{day}")[1]]
        known = set(Chunk.objects.filter(part__startswith=f"{FOLDER}/{day}/").values_list("part", flat=True))
        for name in names:
            if name not in known and default_storage.get_modified_time(name) < before:
                yield name
