"""The worker's side of a run: a training process of its own, watched, kept alive in the row, killed at need."""

import contextlib
import logging
import os
import signal
import subprocess
import threading
import time

from django.conf import settings
from django.db import DatabaseError

from .cleaning import clean_up
from .models import LEASE, Fenced, TrainingRun

logger = logging.getLogger(__name__)

LOOK_EVERY = 0.5
"""Seconds between two looks at the process and at the row, so that a cancelled run stops within a second."""

RENEW_EVERY = LEASE.total_seconds() / 4


def supervise(pk: int, stopping: threading.Event) -> None:
    """Take a run, let a process train, and see it to its end. Nothing happens where the run is not free."""
    fence = TrainingRun.objects.take(pk)
    if fence is None:
        # It may have been cancelled before anybody took it.
        clean_up(pk)
        return
    logger.info("run %s taken, number %s", pk, fence)
    process = start(pk, fence)
    try:
        watch(process, pk, fence, stopping)
        # The process ends its run itself. Where it could not, it died.
        logger.warning("the training process of run %s ended with %s", pk, process.returncode)
        TrainingRun.objects.give_back(pk, fence)
    except Fenced:
        logger.info("run %s has ended, or is another's", pk)
    finally:
        kill(process)
        clean_up(pk)


def start(pk: int, fence: int) -> subprocess.Popen[bytes]:
    """Start the training process: nice, in a process group of its own, and gone when this process is.

    It reads its standard input, which closes with whoever holds the other end.
    """
    command = [*settings.TRAINING_PROCESS, str(pk), str(fence)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, cwd=settings.BASE_DIR, start_new_session=True)  # noqa: S603


def watch(process: subprocess.Popen[bytes], pk: int, fence: int, stopping: threading.Event) -> None:
    """Return once the process has ended or this worker shall stop; renew the lease meanwhile.

    Raises Fenced once the run is cancelled, has ended, or is another's.
    """
    renewed = time.monotonic()
    while process.poll() is None and not stopping.wait(LOOK_EVERY):
        now = time.monotonic()
        try:
            if now - renewed >= RENEW_EVERY:
                TrainingRun.objects.renew(pk, fence)
                renewed = now
            elif not TrainingRun.objects.held(pk, fence).exists():
                raise Fenced(f"run {pk} is no longer number {fence}'s")
        except DatabaseError as error:
            logger.warning("run %s: %s", pk, error)
            if now - renewed > LEASE.total_seconds():
                raise Fenced(f"run {pk} could not be renewed in time") from error
    if stopping.is_set() and process.poll() is None:
        kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a process with all it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdin is not None:
        process.stdin.close()
