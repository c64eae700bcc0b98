"""The worker's side of a run: it starts the training process, watches it, renews the lease, and kills it if needed."""

import contextlib
import logging
import os
import signal
import subprocess
import threading
import time

from django.conf import settings
from django.db import DatabaseError

from core.leases import LeaseLost
from training.models import LEASE, TrainingRun

from .cleanup import clean_up

logger = logging.getLogger(__name__)

POLL_INTERVAL = 0.5
"""Seconds between two checks of process and row, so that a cancelled run stops within a second."""

HEARTBEAT_INTERVAL = LEASE.total_seconds() / 4


def supervise(pk: int, stopping: threading.Event) -> None:
    """Take a run and supervise its training process to the end. Does nothing if the run is not free."""
    fence = TrainingRun.objects.take(pk)
    if fence is None:
        # It may have been cancelled while it was queued.
        clean_up(pk)
        return
    logger.info("run %s taken, fence %s", pk, fence)
    process = start(pk, fence)
    try:
        wait_for(process, pk, fence, stopping)
        # The process ends its run itself. If the run is still active, the process died, or this worker is stopping.
        logger.warning("the training process of run %s ended with %s", pk, process.returncode)
        TrainingRun.objects.give_back(pk, fence, died=not stopping.is_set())
    except LeaseLost:
        logger.info("run %s has ended, or another worker has it", pk)
    finally:
        kill(process)
        clean_up(pk)


def start(pk: int, fence: int) -> subprocess.Popen[bytes]:
    """Start the training process with low priority, in a process group of its own.

    It reads its standard input, which closes when this process ends, and then ends too.
    """
    command = [*settings.TRAINING_PROCESS, str(pk), str(fence)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, cwd=settings.BASE_DIR, start_new_session=True)  # noqa: S603


def wait_for(process: subprocess.Popen[bytes], pk: int, fence: int, stopping: threading.Event) -> None:
    """Return when the process has ended or this worker stops; renew the lease meanwhile.

    Raises LeaseLost if the run is cancelled, has ended, or was given to another worker.
    """
    last_heartbeat = time.monotonic()
    while process.poll() is None and not stopping.wait(POLL_INTERVAL):
        now = time.monotonic()
        try:
            if now - last_heartbeat >= HEARTBEAT_INTERVAL:
                TrainingRun.objects.heartbeat(pk, fence)
                last_heartbeat = now
            elif not TrainingRun.objects.held(pk, fence).exists():
                raise LeaseLost(f"run {pk} is no longer held by fence {fence}")
        except DatabaseError as error:
            logger.warning("run %s: %s", pk, error)
            if now - last_heartbeat > LEASE.total_seconds():
                raise LeaseLost(f"run {pk} could not be renewed in time") from error
    if stopping.is_set() and process.poll() is None:
        kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdin is not None:
        process.stdin.close()
