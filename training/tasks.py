"""Celery tasks for training runs. A message holds a run's id and may come more than once."""

import logging
import threading
from typing import Any

from celery import shared_task
from celery.signals import celeryd_after_setup, worker_shutdown, worker_shutting_down
from django.conf import settings

from core.polling import Poller

from .models import LEASE, TrainingRun
from .retraining.supervisor import supervise

logger = logging.getLogger(__name__)

QUEUE = settings.CELERY_TASK_DEFAULT_QUEUE
POLL_INTERVAL = LEASE.total_seconds() / 4
"""Seconds between two checks for lost runs."""

GIVE_BACK_TIMEOUT = 5.0

_stopping = threading.Event()


@shared_task(ignore_result=True)
def train(pk: int) -> None:
    """Carry out a run, unless another worker has it or it has ended."""
    supervise(pk, _stopping)


def work_on_lost_runs() -> None:
    """Carry out lost runs. Needs no broker; does nothing if another worker has taken the run."""
    for run in TrainingRun.objects.lost():
        logger.warning("%s was lost and is taken up", run)
        supervise(run.pk, _stopping)


_lost_runs = Poller("lost runs", work_on_lost_runs, POLL_INTERVAL)


# At setup and not at worker_ready, which comes only once the broker answers.
@celeryd_after_setup.connect
def start_poller(instance: Any, **kwargs: Any) -> None:
    """Start checking for lost runs, if this worker trains."""
    if QUEUE in instance.app.amqp.queues.consume_from:
        _lost_runs.start()


@worker_shutting_down.connect
def stop_work(**kwargs: Any) -> None:
    """Stop the training process and give the run back, for the next worker to take up."""
    _stopping.set()
    _lost_runs.stop()


@worker_shutdown.connect
def finish(**kwargs: Any) -> None:
    """Wait until a run that was found by the check is given back."""
    if _lost_runs.is_alive():
        _lost_runs.join(GIVE_BACK_TIMEOUT)
