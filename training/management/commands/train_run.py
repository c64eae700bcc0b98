import contextlib
import os
import sys
import threading
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from training.cleaning import clean_up
from training.models import Fenced, State, TrainingRun

NICE = 19


class Command(BaseCommand):
    help = "Work on a training run as its holder. Workers start this; people say manage.py retrain."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("pk", type=int)
        parser.add_argument("fence", type=int)

    def handle(self, *args: Any, **options: Any) -> None:
        threading.Thread(target=die_with_the_worker, daemon=True).start()
        step_back()
        pk, fence = options["pk"], options["fence"]
        try:
            self.retrain(pk, fence)
        except Fenced:
            return
        except Exception as error:
            fail(pk, fence, error)
            raise
        finally:
            clean_up(pk)

    def retrain(self, pk: int, fence: int) -> None:
        # Imported here, not above: TensorFlow takes seconds, in which the row can say already what goes on.
        TrainingRun.objects.report(pk, fence, phase="starting")
        from training.retraining import retrain

        retrain(pk, fence)


def step_back() -> None:
    """Leave the processors to whoever serves."""
    os.nice(NICE)
    # Linux may weigh a session as a whole, and then does not ask how nice a process of it is.
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(NICE))


def die_with_the_worker() -> None:
    """Wait until standard input closes, which it does with the worker, and end at once."""
    sys.stdin.buffer.read()
    os._exit(1)


def fail(pk: int, fence: int, error: Exception) -> None:
    """Record why a run could not be finished; another try would fail in the same way."""
    full = isinstance(error, OSError) and error.errno == 28
    message = "The disk is full. Make room and retrain." if full else f"{type(error).__name__}: {error}"
    ended = {"state": State.FAILED, "error": message, "finished_at": timezone.now()}
    TrainingRun.objects.held(pk, fence).update(**ended)
