"""A retraining from snapshot to verdict, as run by the training process."""

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
from django.utils.translation import gettext_noop

from recognizer.models import ModelVersion, Prediction
from recognizer.reading import Reader, load_classifier
from recognizer.serving.loading import read_verified
from training.evaluation.measures import Result, evaluate, mnist_samples
from training.models import TrainingRun
from training.networks.calibration import calibrate
from training.networks.export import LITERT_FILE, export_network
from training.networks.model_card import draw_mistakes, mistakes_as_json, test_metrics
from training.synthesis.datasets import Examples, Mnist, load_mnist

from .finetuning import FineTuneRecipe, StepReport, fine_tune, steps_for
from .gate import Measured, judge, measure, time_both
from .runs import CannotRetrain, finish_run
from .snapshots import Lesson, thaw
from .verdicts import Verdict

REPORT_INTERVAL = 1.0
"""Seconds between two reports of progress."""


class Reporter:
    """Reports progress to the run's row. Reports are refused once the lease is lost."""

    def __init__(self, pk: int, fence: int) -> None:
        self.pk, self.fence = pk, fence
        self.curves: dict[str, list[float]] = {"step": [], "loss": [], "accuracy": []}
        self.started = self.told = time.monotonic()

    def phase(self, phase: str) -> None:
        TrainingRun.objects.report(self.pk, self.fence, phase=phase, progress={})

    def step(self, step: StepReport) -> None:
        if not self.curves["step"]:
            self.started = time.monotonic()
        for name, value in (("step", step.number), ("loss", step.loss), ("accuracy", step.accuracy)):
            self.curves[name].append(round(value, 5))
        now = time.monotonic()
        if now - self.told < REPORT_INTERVAL and step.number < step.steps:
            return
        self.told = now
        timed = step.number - self.curves["step"][0]
        # Not from the first step: it includes preparations.
        left = round((now - self.started) / timed * (step.steps - step.number)) if timed else None
        progress = asdict(step) | {"seconds_left": left}
        TrainingRun.objects.report(self.pk, self.fence, progress=progress, curves=self.curves)

    def image(self, number: int, images: int) -> None:
        """Report how many of the stored images are read."""
        now = time.monotonic()
        if now - self.told >= REPORT_INTERVAL:
            self.told = now
            TrainingRun.objects.report(self.pk, self.fence, progress={"number": number, "steps": images})


def retrain(pk: int, fence: int, recipe: FineTuneRecipe | None = None, mnist: Mnist | None = None) -> None:
    """Carry out a run that this process has leased, to promoted, passed or refused.

    Raises LeaseLost; NoServingVersion if the champion's files do not have the recorded hashes; CannotRetrain if there
    is no champion, or nothing to learn from.
    """
    reporter = Reporter(pk, fence)
    run = TrainingRun.objects.get(pk=pk)
    reporter.phase("reading the snapshot")
    champion = ModelVersion.objects.serving()
    if champion is None:
        raise CannotRetrain(gettext_noop("There is no current version to start from."))
    TrainingRun.objects.report(pk, fence, champion=champion)
    lessons = remaining_lessons(run)
    mnist = mnist or load_mnist()
    examples = taught_examples(lessons)
    recipe = recipe or FineTuneRecipe(steps=steps_for(len(examples)))
    reporter.phase("training")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        network = teach(open_network(champion, folder), examples, mnist, recipe, reporter.step)
        reporter.phase("exporting")
        files = export_network(network, folder / "version", mnist.train)
        # Both with the default runtime, because their speeds are compared.
        before = Reader(load_classifier(read_verified(champion, "litert"), "litert"))
        after = read_with(folder / "version")
        verdict, test = compare(before, after, mnist, lessons, reporter.phase)
        differences = None
        if run.shadow:
            reporter.phase("reading stored images")
            differences = shadow(before, after, run.shadow, reporter.image)
        name = f"{datetime.now(UTC):%Y-%m-%d}-run-{pk}"
        card = challenger_card(name, champion, reporter.curves, recipe, test, mnist, len(examples)) | {"files": files}
        write_card(card, test, folder / "version")
        finish_run(pk, fence, folder / "version", champion, verdict.as_json(), differences)


def teach(
    champion: keras.Model,
    examples: Examples,
    mnist: Mnist,
    recipe: FineTuneRecipe,
    tell: Callable[[StepReport], None] = lambda step: None,
) -> keras.Model:
    """Fine-tune a copy of a network on corrections, and calibrate it."""
    network = fine_tune(champion, examples, mnist.train, recipe, tell)
    calibrate(network, mnist.fitting)
    return network


def remaining_lessons(run: TrainingRun) -> list[Lesson]:
    """Open the snapshot, without corrections that were deleted since."""
    with default_storage.open(str(run.snapshot)) as stored:
        lessons = thaw(stored.read(), run.snapshot_sha256)
    existing = set(run.corrections.values_list("pk", flat=True))
    return [lesson for lesson in lessons if lesson.correction in existing]


def taught_examples(lessons: list[Lesson]) -> Examples:
    """Return the boxes of all training lessons. Raises CannotRetrain if none is left."""
    teaching = [lesson for lesson in lessons if lesson.labels and not lesson.held_out]
    if not teaching:
        raise CannotRetrain(gettext_noop("All corrections for training have been deleted."))
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
) -> tuple[Verdict, Result]:
    """Measure champion and challenger and run the gate.

    Returns the verdict, and the challenger's result on test images, which the verdict does not use.
    """
    times = time_both(champion.classifier, challenger.classifier, mnist.validation)
    measured: list[Measured] = []
    for name, reader, milliseconds in zip(("champion", "challenger"), (champion, challenger), times, strict=True):

        def tell_part(phase: str, name: str = name) -> None:
            tell(f"{name}: {phase}")

        measured.append(measure(reader, mnist, lessons, milliseconds, tell_part))
    verdict = judge(measured[0], measured[1], mnist.validation.labels)
    tell("challenger: reading MNIST's test images")
    return verdict, evaluate(challenger, "MNIST test", mnist_samples(mnist.test), len(mnist.test))


def shadow(
    champion: Reader, challenger: Reader, count: int, tell: Callable[[int, int], None] = lambda number, images: None
) -> dict[str, Any]:
    """Read the newest stored images with both. Returns how many were read, and where the readings differ."""
    results: dict[str, Any] = {"read": 0, "differ": []}
    # Images are loaded one by one: there may be gigabytes, and a query left open would lock SQLite.
    predictions = Prediction.objects.order_by("-id").only("image")[:count]
    images = predictions.count()
    for number, prediction in enumerate(predictions):
        tell(number, images)
        try:
            with prediction.open_image() as stored:
                content = stored.read()
        except FileNotFoundError:
            continue
        before, after = (reader.read(content).text for reader in (champion, challenger))
        results["read"] += 1
        if before != after:
            results["differ"].append({"prediction": prediction.pk, "before": before, "after": after})
    return results


def challenger_card(
    name: str,
    champion: ModelVersion,
    curves: dict[str, list[float]],
    recipe: FineTuneRecipe,
    test: Any,
    mnist: Mnist,
    taught: int,
) -> dict[str, Any]:
    """Make a challenger's model card: what it shares with the champion, its corrections, and its results."""
    # The champion's measurements do not hold for the challenger.
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
        "mistakes": mistakes_as_json(test),
    }


def write_card(card: dict[str, Any], test: Any, folder: Path) -> None:
    """Write `card.json` and `mistakes.png` beside the networks."""
    draw_mistakes(test, folder)
    (folder / "card.json").write_text(json.dumps(card))
