import contextlib
import errno
import os
import sys
import threading
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone
from django.utils.translation import gettext_noop

from core.leases import LeaseLost
from training.models import RunState, TrainingRun
from training.retraining.cleanup import clean_up
from training.retraining.runs import CannotRetrain

NICE = 19


class Command(BaseCommand):
    help = "Execute a training run. Workers start this command; people use manage.py retrain."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("pk", type=int)
        parser.add_argument("fence", type=int)

    def handle(self, *args: Any, **options: Any) -> None:
        threading.Thread(target=exit_with_worker, daemon=True).start()
        lower_priority()
        pk, fence = options["pk"], options["fence"]
        try:
            self.retrain(pk, fence)
        except LeaseLost:
            return
        except Exception as error:
            fail(pk, fence, error)
            raise
        finally:
            clean_up(pk)

    def retrain(self, pk: int, fence: int) -> None:
        # Imported here: TensorFlow takes seconds to import, and the row shows the phase meanwhile.
        TrainingRun.objects.report(pk, fence, phase=gettext_noop("starting"))
        from training.retraining.pipeline import retrain

        retrain(pk, fence)


def lower_priority() -> None:
    """Lower this process's priority below that of the site."""
    os.setpriority(os.PRIO_PROCESS, 0, NICE)
    # With autogroups, Linux ignores the niceness of processes in another session.
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(NICE))


def exit_with_worker() -> None:
    """Exit as soon as standard input closes, which happens when the worker ends."""
    sys.stdin.buffer.read()
    os._exit(1)


def fail(pk: int, fence: int, error: Exception) -> None:
    """Record why a run failed; a retry would fail the same way."""
    match error:
        case OSError(errno=errno.ENOSPC):
            message = gettext_noop("The disk is full. Make room and retrain.")
        case CannotRetrain():
            message = str(error)
        case _:
            message = f"{type(error).__name__}: {error}"
    ended = {"state": RunState.FAILED, "error": message, "finished_at": timezone.now()}
    TrainingRun.objects.held(pk, fence).update(**ended)
