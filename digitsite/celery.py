"""Celery, which delivers training runs and batches. Rows hold the state; lost or repeated messages are harmless."""

import os
from typing import Any

from celery import Celery
from celery.signals import celeryd_init, worker_shutdown

from core.memory import configure_malloc

from .sqlite import empty_log

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "digitsite.settings")

app = Celery("digitsite")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@celeryd_init.connect
def prepare_worker(**kwargs: Any) -> None:
    """Make files private to the worker's user, and return unused memory to the system."""
    os.umask(0o077)
    configure_malloc()


@worker_shutdown.connect
def checkpoint_log(**kwargs: Any) -> None:
    """Empty SQLite's write-ahead log, because the worker's threads keep their connections open."""
    empty_log()
