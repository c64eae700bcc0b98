import json
import threading
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from training.models import State, TrainingRun
from training.runs import RunActive, as_json, in_words, start_run
from training.snapshots import TooFew
from training.supervising import supervise

PATIENCE = 6.0
"""Seconds to wait for a worker before working here."""


BARS = "▁▂▃▄▅▆▇█"


def sparkline(values: list[float], width: int = 40) -> str:
    """Draw a curve from 0 up, in one line of characters."""
    chosen = [values[place * len(values) // width] for place in range(width)] if len(values) > width else values
    most = max(chosen) or 1.0
    return "".join(BARS[min(len(BARS) - 1, int(len(BARS) * value / most))] for value in chosen)


class Command(BaseCommand):
    help = (
        "Teach the serving network the approved corrections. The new version serves if it passes the gate. "
        "Exits with 1 where there was no run, or it failed or was cancelled."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--wait", action="store_true", help="show progress until the verdict; works without a worker"
        )
        parser.add_argument("--json", action="store_true", help="one JSON object instead of words")
        parser.add_argument(
            "--shadow",
            type=int,
            default=0,
            metavar="N",
            help="let the new version read the last N stored images and show what changes, instead of promoting it",
        )
        parser.add_argument(
            "--follow",
            type=int,
            nargs="?",
            const=0,
            metavar="RUN",
            help="start none, but show the progress and the verdict of a run, the newest unless one is named",
        )
        parser.add_argument("--cancel", action="store_true", help="cancel the run that is under way")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["cancel"]:
            self.cancel()
            return
        following = options["follow"] is not None
        run = self.named(options["follow"]) if following else self.started(options["shadow"])
        if options["wait"] or following:
            self.follow(run)
            run.refresh_from_db()
        self.stdout.write(json.dumps(as_json(run)) if options["json"] else self.told(run))
        if run.state in (State.FAILED, State.CANCELLED):
            raise CommandError(f"{run} {run.state}. {run.error}")

    def started(self, shadow: int) -> TrainingRun:
        try:
            return start_run(shadow=max(0, shadow))
        except (TooFew, RunActive) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"The corrections could not be frozen: {error.strerror}.") from error

    def named(self, number: int) -> TrainingRun:
        run = (TrainingRun.objects.filter(pk=number) if number else TrainingRun.objects.all()).first()
        if run is None:
            raise CommandError(f"There is no run {number}." if number else "There was no run so far.")
        return run

    def cancel(self) -> None:
        run = TrainingRun.objects.active().first()
        if run is None or not run.cancel():
            raise CommandError("No run is under way.")
        self.stdout.write(f"{run} is cancelled")

    def follow(self, run: TrainingRun) -> None:
        """Show where the run is until it ends. Where no worker takes it, this process does."""
        worker: threading.Thread | None = None
        stopping = threading.Event()
        started = time.monotonic()
        with tqdm(total=1, bar_format="{desc} |{bar}|", desc=str(run), leave=False) as bar:
            try:
                while run.is_active:
                    time.sleep(0.5)
                    run.refresh_from_db()
                    progress = run.progress
                    bar.n = progress["number"] / progress["steps"] if "number" in progress else bar.n
                    bar.set_description_str(f"{run}: {in_words(run)}")
                    waited = run.state == State.QUEUED and time.monotonic() - started > PATIENCE
                    if waited and (worker is None or not worker.is_alive()):
                        worker = threading.Thread(target=supervise, args=(run.pk, stopping))
                        worker.start()
            finally:
                stopping.set()
                if worker is not None:
                    worker.join()

    def told(self, run: TrainingRun) -> str:
        if run.is_active:
            return f"{run} is queued: {run.taught} corrections to learn from, {run.held_out} to judge by"
        lines = [f"{run}: {run.get_state_display()}"]
        losses = run.curves.get("loss", [])
        if losses:
            lines.append(f"  loss {losses[0]:.3f} {sparkline(losses)} {losses[-1]:.3f}")
        if run.verdict is not None:
            lines += [
                f"  {'yes' if check['passed'] else 'NO '}  {check['name']}: {check['sentence']}"
                for check in run.verdict["checks"]
            ]
        if run.differences is not None:
            differ = run.differences["differ"]
            lines.append(f"{len(differ)} of {run.differences['read']} stored images would be read differently:")
            lines += [f"  {each['prediction']}: {each['before']!r} -> {each['after']!r}" for each in differ]
        if run.state == State.PASSED:
            lines.append(f"manage.py promote {run.challenger} lets it serve.")
        return "\n".join(lines)
