"""What Celery delivers: that something waits to be read. The rows say what; a message lost or doubled is no harm."""

import datetime
import logging
import threading
from typing import Any

import cv2
from celery import shared_task
from celery.signals import worker_ready, worker_shutting_down
from django.core.files.storage import default_storage
from django.db import DatabaseError, connection

from .ending import orphaned_parts
from .models import Chunk
from .readings import read_waiting
from .webhooks import deliver_due

logger = logging.getLogger(__name__)

QUEUE = "batches"
LOOK_EVERY = 3.0
"""Seconds between two looks for what no message told of."""

TIDY_EVERY = 3600.0
MOST_MESSAGES = 16
"""A worker that gets one reads on until nothing waits: more messages than workers are no use."""

_stopping = threading.Event()


@shared_task(ignore_result=True)
def read_batches() -> None:
    """Read what waits, unless this process does so already."""
    read_waiting(_stopping)


def deliver(chunks: int) -> None:
    """Tell the workers that something waits. Where the broker is away, their own look will find it."""
    try:
        for _ in range(min(chunks, MOST_MESSAGES)):
            read_batches.delay()
    except Exception as error:  # Each broker's library fails in its own ways; all mean that it is away.
        logger.warning("a batch waits for the broker: %s", error)


@worker_ready.connect
def watch(sender: Any, **kwargs: Any) -> None:
    """Look for what waits as long as this worker lives, if it is one that reads batches."""
    if QUEUE in sender.app.amqp.queues.consume_from:
        # A worker has a core to itself: more threads would only take turns with those of other workers.
        cv2.setNumThreads(1)
        threading.Thread(target=_watch, name="batches", daemon=True).start()
        threading.Thread(target=_watch_webhooks, name="webhooks", daemon=True).start()


def _watch() -> None:
    since_tidied = TIDY_EVERY
    while not _stopping.wait(LOOK_EVERY):
        try:
            if Chunk.objects.free().exists():
                # In this thread: it needs no broker, and where a message has come first it returns at once.
                read_batches()
            since_tidied += LOOK_EVERY
            if since_tidied >= TIDY_EVERY:
                since_tidied = 0.0
                tidy()
        except (DatabaseError, OSError) as error:
            logger.warning("looking for batches: %s", error)
        except Exception:
            # Whatever else goes wrong: without this thread, nobody would look any more.
            logger.exception("looking for batches")
        finally:
            connection.close()


def _watch_webhooks() -> None:
    """Send what is due. In a thread of its own, for it goes on while a batch is read."""
    while not _stopping.wait(LOOK_EVERY):
        try:
            deliver_due(_stopping)
        except DatabaseError as error:
            logger.warning("looking for webhooks: %s", error)
        except Exception:
            logger.exception("looking for webhooks")
        finally:
            connection.close()


def tidy() -> None:
    """Delete parts that no chunk knows any more."""
    for name in list(orphaned_parts(datetime.timedelta(hours=1))):
        default_storage.delete(name)


@worker_shutting_down.connect
def stop(**kwargs: Any) -> None:
    """Read what is taken to its end, and take no more."""
    _stopping.set()
