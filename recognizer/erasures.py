"""Delete histories: short ones at once, long ones in a worker."""

import logging
import threading
from typing import Any

from django.db import transaction

from core.audit import record
from core.leases import LeaseLost
from core.models import Event

from .identity import Identity
from .models import Erasure, Prediction, PredictionQuerySet
from .predictions import erase_chunk, erase_predictions

logger = logging.getLogger(__name__)

MAX_AT_ONCE = 2000
"""Largest number of predictions to delete within a request."""


def erase_history(identity: Identity) -> Erasure | None:
    """Delete all of an owner's predictions at once; of many, queue the deletion for a worker and return it."""
    mine = Prediction.objects.of(identity)
    if takes_long(mine):
        with transaction.atomic():
            erasure = Erasure.objects.queue(identity)
            record(Event.ERASED, "a history", predictions=erasure.total)
        return erasure
    if erased := erase_predictions(mine):
        record(Event.ERASED, "a history", predictions=erased)
    return None


def takes_long(predictions: PredictionQuerySet) -> bool:
    """Return whether there are too many predictions to delete within a request."""
    return predictions[: MAX_AT_ONCE + 1].count() > MAX_AT_ONCE


def progress_of(erasure: Erasure | None) -> dict[str, Any]:
    """Return an erasure's progress for a page's script; None if it has ended."""
    if erasure is None:
        return {"active": False}
    return {"active": True, "words": erasure.in_words, "done": erasure.done}


def erase_waiting(stopping: threading.Event) -> None:
    """Carry out queued erasures until none is left or this worker stops."""
    while not stopping.is_set() and (erasure := Erasure.objects.take()):
        try:
            _work_on(erasure, stopping)
        except LeaseLost:
            logger.info("%s was taken by another worker, or its owner is deleted", erasure)


def _work_on(erasure: Erasure, stopping: threading.Event) -> None:
    held = Erasure.objects.held(erasure.pk, erasure.fence)
    while not stopping.is_set():
        erased = erase_chunk(erasure.predictions)
        if not erased:
            if erasure.with_account and erasure.owner is not None:
                erasure.owner.delete()
            held.delete()
            return
        erasure.done += erased
        Erasure.objects.heartbeat(erasure.pk, erasure.fence, done=erasure.done)
    held.update(lease_until=None)
