"""What Celery delivers: the id of a run, at least once."""

import logging
import threading
from typing import Any

from celery import shared_task
from celery.signals import worker_ready, worker_shutting_down
from django.db import DatabaseError, connection

from .models import LEASE, TrainingRun
from .supervising import supervise

logger = logging.getLogger(__name__)

LOOK_EVERY = LEASE.total_seconds() / 4
"""Seconds between two looks for runs that were lost."""

_stopping = threading.Event()


@shared_task(ignore_result=True)
def train(pk: int) -> None:
    """Work on a run, unless somebody else does or it has ended."""
    supervise(pk, _stopping)


def deliver(pk: int) -> bool:
    """Send a run's id to the workers. Where the broker is away, their own look will find the run later."""
    try:
        train.delay(pk)
    except Exception as error:  # Each broker's library fails in its own ways; all mean that it is away.
        logger.warning("run %s waits for the broker: %s", pk, error)
        return False
    return True


def deliver_lost_runs() -> None:
    """Deliver once more what nobody seems to work on."""
    for run in TrainingRun.objects.lost():
        logger.warning("%s was lost and is delivered again", run)
        deliver(run.pk)


@worker_ready.connect
def watch(**kwargs: Any) -> None:
    """Look for lost runs as long as this worker lives."""
    threading.Thread(target=_watch, daemon=True).start()


def _watch() -> None:
    while not _stopping.wait(LOOK_EVERY):
        try:
            deliver_lost_runs()
        except DatabaseError as error:
            logger.warning("looking for lost runs: %s", error)
        finally:
            connection.close()


@worker_shutting_down.connect
def stop(**kwargs: Any) -> None:
    """Stop the training process and give the run back, for the next worker to take up."""
    _stopping.set()
