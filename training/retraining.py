"""A retraining from snapshot to verdict, as the training process goes through it."""

import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import keras
import numpy as np
from django.core.files.storage import default_storage

from recognizer.models import ModelVersion, Prediction
from recognizer.reading import Reader, load_classifier
from recognizer.serving import read_verified

from .calibration import calibrate
from .cards import draw_mistakes, test_metrics, told_mistakes
from .datasets import Examples, Mnist, load_mnist
from .exporting import LITERT_FILE, export_network
from .finetuning import Recipe, Step, fine_tune, steps_for
from .gate import Measured, Verdict, judge, measure, time_both
from .models import TrainingRun
from .runs import finish_run
from .snapshots import Lesson, thaw

TELL_EVERY = 1.0
"""Seconds between two reports of progress."""


class Reporter:
    """Tells the row where the work is. Whatever it says is refused once the lease is gone."""

    def __init__(self, pk: int, fence: int) -> None:
        self.pk, self.fence = pk, fence
        self.curves: dict[str, list[float]] = {"step": [], "loss": [], "accuracy": []}
        self.started = self.told = time.monotonic()

    def phase(self, phase: str) -> None:
        TrainingRun.objects.report(self.pk, self.fence, phase=phase, progress={})

    def step(self, step: Step) -> None:
        if not self.curves["step"]:
            self.started = time.monotonic()
        for name, value in (("step", step.number), ("loss", step.loss), ("accuracy", step.accuracy)):
            self.curves[name].append(round(value, 5))
        now = time.monotonic()
        if now - self.told < TELL_EVERY and step.number < step.steps:
            return
        self.told = now
        rate = (now - self.started) / max(1, step.number - self.curves["step"][0])
        progress = asdict(step) | {"seconds_left": round(rate * (step.steps - step.number))}
        TrainingRun.objects.report(self.pk, self.fence, progress=progress, curves=self.curves)


def retrain(pk: int, fence: int, recipe: Recipe | None = None, mnist: Mnist | None = None) -> None:
    """Go through a run that this process holds, and end it: promoted, passed or refused.

    Raises models.Fenced where the lease is lost, NoServingVersion where the champion's files are not as they were
    recorded, ValueError where there is no champion.
    """
    reporter = Reporter(pk, fence)
    run = TrainingRun.objects.get(pk=pk)
    reporter.phase("reading the snapshot")
    champion = ModelVersion.objects.serving()
    if champion is None:
        raise ValueError("no version serves, so there is none to start from")
    TrainingRun.objects.report(pk, fence, champion=champion)
    lessons = still_there(run)
    mnist = mnist or load_mnist()
    examples = taught_examples(lessons)
    recipe = recipe or Recipe(steps=steps_for(len(examples)))
    reporter.phase("training")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        network = teach(open_network(champion, folder), examples, mnist, recipe, reporter.step)
        reporter.phase("exporting")
        files = export_network(network, folder / "version")
        # Both by the runtime that serves most, or the two would not be compared in speed.
        before = Reader(load_classifier(read_verified(champion, "litert"), "litert"))
        after = read_with(folder / "version")
        verdict, test = compare(before, after, mnist, lessons, reporter.phase)
        differences = None
        if run.shadow:
            reporter.phase("reading stored images")
            differences = shadow(before, after, run.shadow)
        name = f"{datetime.now(UTC):%Y-%m-%d}-run-{pk}"
        card = make_card(name, champion, reporter.curves, recipe, test, mnist, len(examples)) | {"files": files}
        write_card(card, test, folder / "version")
        finish_run(pk, fence, folder / "version", champion, verdict.as_json(), differences)


def teach(
    champion: keras.Model,
    examples: Examples,
    mnist: Mnist,
    recipe: Recipe,
    tell: Callable[[Step], None] = lambda step: None,
) -> keras.Model:
    """Fine-tune a copy of a network on what was corrected, and calibrate it."""
    network = fine_tune(champion, examples, mnist.train, recipe, tell)
    calibrate(network, mnist.validation)
    return network


def still_there(run: TrainingRun) -> list[Lesson]:
    """Open the snapshot and leave out what its owner has erased since."""
    with default_storage.open(str(run.snapshot)) as stored:
        lessons = thaw(stored.read(), run.snapshot_sha256)
    kept = set(run.corrections.values_list("pk", flat=True))
    return [lesson for lesson in lessons if lesson.correction in kept]


def taught_examples(lessons: list[Lesson]) -> Examples:
    """The boxes of all lessons that teach. Raises ValueError where nothing is left of them."""
    teaching = [lesson for lesson in lessons if lesson.labels and not lesson.held_out]
    if not teaching:
        raise ValueError("what was to be learnt from has been erased")
    images = np.concatenate([lesson.frames for lesson in teaching])
    return Examples(images, np.array([label for lesson in teaching for label in lesson.labels or []], np.uint8))


def open_network(version: ModelVersion, folder: Path) -> keras.Model:
    """Load a version's Keras network, checked against its SHA-256. Raises NoServingVersion."""
    path = folder / "champion.keras"
    path.write_bytes(read_verified(version, "keras"))
    return keras.models.load_model(path, compile=False, safe_mode=True)


def read_with(folder: Path) -> Reader:
    return Reader(load_classifier((folder / LITERT_FILE).read_bytes(), "litert"))


def compare(
    champion: Reader, challenger: Reader, mnist: Mnist, lessons: list[Lesson], tell: Callable[[str], None]
) -> tuple[Verdict, Any]:
    """Measure both and judge. Returns the verdict and the challenger's result on MNIST's test images."""
    times = time_both(champion.classifier, challenger.classifier, mnist.test)
    measured: list[Measured] = []
    for name, reader, milliseconds in zip(("champion", "challenger"), (champion, challenger), times, strict=True):

        def tell_whose(phase: str, name: str = name) -> None:
            tell(f"{name}: {phase}")

        measured.append(measure(reader, mnist, lessons, milliseconds, tell_whose))
    return judge(measured[0], measured[1], mnist.test.labels), measured[1].test


def shadow(champion: Reader, challenger: Reader, count: int) -> dict[str, Any]:
    """Let both read the newest stored images. Returns how many were read, and where the readings differ."""
    found: dict[str, Any] = {"read": 0, "differ": []}
    for prediction in Prediction.objects.order_by("-id").only("pk", "image")[:count]:
        try:
            with default_storage.open(str(prediction.image)) as stored:
                content = stored.read()
        except FileNotFoundError:
            continue
        before, after = (reader.read(content).text for reader in (champion, challenger))
        found["read"] += 1
        if before != after:
            found["differ"].append({"prediction": prediction.pk, "before": before, "after": after})
    return found


def make_card(
    name: str,
    champion: ModelVersion,
    curves: dict[str, list[float]],
    recipe: Recipe,
    test: Any,
    mnist: Mnist,
    taught: int,
) -> dict[str, Any]:
    """Describe a challenger: what it shares with the champion, what it was taught, and how it does."""
    # What was measured of the champion is not true of its challenger.
    old = {name: facts for name, facts in champion.card.items() if name not in ("evaluation", "learning")}
    return old | {
        "name": name,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "data": old.get("data", {}) | {"corrections": taught},
        "training": {
            "command": "manage.py retrain",
            **asdict(recipe),
            "started_from": champion.name,
            "versions": old.get("training", {}).get("versions", {}),
        },
        "metrics": test_metrics(test, mnist),
        "history": {"loss": curves["loss"], "accuracy": curves["accuracy"]},
        "mistakes": told_mistakes(test),
    }


def write_card(card: dict[str, Any], test: Any, folder: Path) -> None:
    """Write `card.json` and `mistakes.png` beside the networks."""
    draw_mistakes(test, folder)
    (folder / "card.json").write_text(json.dumps(card))
