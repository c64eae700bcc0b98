"""Celery, which delivers training runs and batches. The rows are the truth: a message lost or doubled is no harm."""

import os
from typing import Any

from celery import Celery
from celery.signals import worker_shutdown

from .sqlite import empty_log

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "digitsite.settings")

app = Celery("digitsite")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_shutdown.connect
def leave_one_file(**kwargs: Any) -> None:
    """Leave the database in one file, for the threads of a worker keep their connections."""
    empty_log()
