"""Celery tasks that start reading. Database rows say what to read, so lost or repeated messages are harmless."""

import datetime
import logging
import threading
from functools import partial
from typing import Any

import cv2
from celery import shared_task
from celery.signals import celeryd_after_setup, worker_shutting_down
from django.core.files.storage import default_storage

from core.polling import Poller
from core.storage.deletion import retry_deletions
from recognizer.erasures import erase_waiting
from recognizer.retention import purge_hourly

from .lifecycle import erase_waiting as erase_waiting_batches
from .lifecycle import orphaned_parts
from .models import Chunk
from .webhooks import deliver_due
from .worker import read_waiting

logger = logging.getLogger(__name__)

QUEUE = "batches"
POLL_INTERVAL = 3.0
"""Seconds between two checks for work without a message."""

TIDY_INTERVAL = 3600.0
DELETION_INTERVAL = 60.0
MAX_MESSAGES = 16
"""A worker that gets one reads until nothing is left, so more messages than workers are useless."""

_stopping = threading.Event()


@shared_task(ignore_result=True)
def read_batches() -> None:
    """Read waiting chunks, unless this process is reading already."""
    read_waiting(_stopping)


def enqueue_reading(chunks: int) -> None:
    """Notify the workers. If the broker is unreachable, they find the chunks by polling."""
    try:
        for _ in range(min(chunks, MAX_MESSAGES)):
            read_batches.delay()
    except Exception as error:  # Each broker's library has exceptions of its own; all mean that it is unreachable.
        logger.warning("a batch is queued, but the broker does not answer: %s", error)


def read_free_chunks() -> None:
    """Read chunks without a message. Needs no broker; returns at once if the process is reading already."""
    if Chunk.objects.free().exists():
        read_batches()


def tidy() -> None:
    """Delete parts that no chunk refers to."""
    for name in list(orphaned_parts(datetime.timedelta(hours=1))):
        default_storage.delete(name)


# Each runs in a thread of its own, so that webhooks are sent while a batch is read.
_pollers = [
    Poller("batches", read_free_chunks, POLL_INTERVAL),
    Poller("webhooks", partial(deliver_due, _stopping), POLL_INTERVAL),
    Poller("parts without a chunk", tidy, TIDY_INTERVAL),
    Poller("erasures", partial(erase_waiting, _stopping), POLL_INTERVAL),
    Poller("batches to erase", partial(erase_waiting_batches, _stopping), POLL_INTERVAL),
    Poller("retention", partial(purge_hourly, _stopping), TIDY_INTERVAL),
    Poller("files to delete", retry_deletions, DELETION_INTERVAL),
]


# At setup and not at worker_ready, which comes only once the broker answers.
@celeryd_after_setup.connect
def start_pollers(instance: Any, **kwargs: Any) -> None:
    """Start polling, if this worker reads batches."""
    if QUEUE in instance.app.amqp.queues.consume_from:
        # Each worker has one core; more threads would only compete with other workers.
        cv2.setNumThreads(1)
        for poller in _pollers:
            poller.start()


@worker_shutting_down.connect
def stop_work(**kwargs: Any) -> None:
    """Finish the current chunk and take no more."""
    _stopping.set()
    for poller in _pollers:
        poller.stop()
