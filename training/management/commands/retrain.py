import json
import threading
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from training.models import RunState, TrainingRun
from training.retraining.runs import RunActive, share_done, start_run
from training.retraining.snapshots import TooFew
from training.retraining.supervisor import supervise

TIMEOUT = 6.0
"""Seconds to wait for a worker before working here."""


BARS = "▁▂▃▄▅▆▇█"


def sparkline(values: list[float], width: int = 40) -> str:
    """Draw a curve from 0 up, in one line of characters."""
    chosen = [values[place * len(values) // width] for place in range(width)] if len(values) > width else values
    most = max(chosen) or 1.0
    return "".join(BARS[min(len(BARS) - 1, int(len(BARS) * value / most))] for value in chosen)


class Command(BaseCommand):
    help = (
        "Retrain the current version on the approved corrections. The new version is promoted if it passes the gate. "
        "Exits with 1 if no run was started, or if it failed or was cancelled."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--wait", action="store_true", help="show progress until the verdict; works without a worker"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument(
            "--shadow",
            type=int,
            default=0,
            metavar="N",
            help="compare both versions on the last N stored images and show what changes, instead of promoting",
        )
        parser.add_argument(
            "--follow",
            type=int,
            nargs="?",
            const=0,
            metavar="RUN",
            help="start no run; show progress and verdict of a run (default: the newest)",
        )
        parser.add_argument("--cancel", action="store_true", help="cancel the active run")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["cancel"]:
            self.cancel()
            return
        following = options["follow"] is not None
        run = self.named(options["follow"]) if following else self.started(options["shadow"])
        if options["wait"] or following:
            self.follow(run)
            run.refresh_from_db()
        self.stdout.write(json.dumps(run.as_json()) if options["json"] else self.told(run))
        if run.state in (RunState.FAILED, RunState.CANCELLED):
            raise CommandError(f"{run} {run.state}. {run.error}")

    def started(self, shadow: int) -> TrainingRun:
        try:
            return start_run(shadow=max(0, shadow))
        except (TooFew, RunActive) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"The snapshot of the corrections could not be saved: {error.strerror}.") from error

    def named(self, number: int) -> TrainingRun:
        run = (TrainingRun.objects.filter(pk=number) if number else TrainingRun.objects.all()).first()
        if run is None:
            raise CommandError(f"There is no run {number}." if number else "There are no runs yet.")
        return run

    def cancel(self) -> None:
        run = TrainingRun.objects.active().first()
        if run is None or not run.cancel():
            raise CommandError("No run is active.")
        self.stdout.write(f"{run} cancelled")

    def follow(self, run: TrainingRun) -> None:
        """Show the run's progress until it ends. If no worker takes it, run it in this process."""
        worker: threading.Thread | None = None
        stopping = threading.Event()
        started = time.monotonic()
        with tqdm(total=1, bar_format="{desc} |{bar}|", desc=str(run), leave=False) as bar:
            try:
                while run.is_active:
                    time.sleep(0.5)
                    run.refresh_from_db()
                    bar.n = share_done(run)
                    bar.set_description_str(f"{run}: {run.in_words}")
                    waited = run.state == RunState.QUEUED and time.monotonic() - started > TIMEOUT
                    if waited and (worker is None or not worker.is_alive()):
                        worker = threading.Thread(target=supervise, args=(run.pk, stopping))
                        worker.start()
            finally:
                stopping.set()
                if worker is not None:
                    worker.join()

    def told(self, run: TrainingRun) -> str:
        if run.is_active:
            return f"{run} is queued: {run.taught} corrections for training, {run.held_out} for testing"
        lines = [f"{run}: {run.get_state_display()}"]
        losses = run.curves.get("loss", [])
        if losses:
            lines.append(f"  loss {losses[0]:.3f} {sparkline(losses)} {losses[-1]:.3f}")
        if run.verdict is not None:
            lines += [
                f"  {'passed' if check['passed'] else 'FAILED'}  {check['name']}: {check['sentence']}"
                for check in run.verdict["checks"]
            ]
        if run.differences is not None:
            differ = run.differences["differ"]
            lines.append(f"The new version reads {len(differ)} of {run.differences['read']} stored images differently:")
            lines += [f"  {each['prediction']}: {each['before']!r} -> {each['after']!r}" for each in differ]
        if run.state == RunState.PASSED:
            lines.append(f"To make it current: manage.py promote {run.challenger}")
        return "\n".join(lines)
