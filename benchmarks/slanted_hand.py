"""A synthetic, strongly slanted handwriting that the network misreads, and how much corrections help."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
from skimage.morphology import skeletonize

from recognizer.reading import Reader
from recognizer.reading.framing import SIDE, frame
from training.networks.export import export_network
from training.retraining.finetuning import FineTuneRecipe, steps_for
from training.retraining.pipeline import compare, read_with, taught_examples, teach
from training.retraining.snapshots import HELD_OUT, Lesson
from training.retraining.verdicts import Verdict
from training.synthesis.datasets import Examples, Mnist, framed

SLANT = -1.3
"""Slant, in columns per row: the writing leans forward by more than its height."""

HELD_BACK = 1500
COUNTS = (30, 100, 300)


def slanted_hand(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Redraw a digit strongly slanted, with a hair-thin pen.

    image: uint8 (28, 28). Returns a frame float32 (28, 28).
    """
    side = 3 * SIDE
    ink = cv2.resize(image.astype(np.float32) / 255, (side, side), interpolation=cv2.INTER_CUBIC)
    slant = SLANT + float(rng.normal(0, 0.08))
    lean = np.array([[1, slant, side * (1 - slant) / 2], [0, 1, 0]], np.float32)
    leaning = cv2.warpAffine(ink, lean, (2 * side, side), flags=cv2.INTER_CUBIC)
    line = skeletonize(leaning > 0.4).astype(np.float32)
    pen = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    return frame(cv2.GaussianBlur(cv2.dilate(line, pen), (3, 3), 0.7))


def written(images: np.ndarray, seed: int) -> np.ndarray:
    """Redraw many digits in this handwriting. images: uint8 (n, 28, 28). Returns float32 (n, 28, 28)."""
    rng = np.random.default_rng(seed)
    return np.stack([slanted_hand(image, rng) for image in images])


@dataclass(frozen=True)
class Point:
    """One retraining with its gate. Errors are shares; `before` and `after` are errors on held-back digits in this
    handwriting."""

    corrections: int
    wrong: float
    before: float
    after: float
    mnist_before: float
    mnist_after: float
    verdict: Verdict
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """Return the figures as stored in the model card."""
        shares = ("wrong", "before", "after", "mnist_before", "mnist_after")
        return {
            "corrections": self.corrections,
            **{name: round(getattr(self, name), 6) for name in shares},
            "refused": [check.name for check in self.verdict.checks if not check.passed],
            "minutes": round(self.seconds / 60, 2),
        }


def learn(
    champion: keras.Model,
    champion_reader: Reader,
    mnist: Mnist,
    folder: Path,
    counts: Sequence[int] = COUNTS,
    wrong: float = 0.0,
    steps: Callable[[int], int] = steps_for,
) -> Iterator[Point]:
    """Retrain once for each number of corrections, a share of them wrong, as a run does, and measure each time.

    Corrections are misread MNIST validation images in this handwriting, with their true labels; no network was trained
    on them. Errors are measured on test images in the same handwriting. The gate does not use the corrected images.
    """
    unseen = written(mnist.test.images[:HELD_BACK], seed=5)
    truth = mnist.test.labels[:HELD_BACK]
    frames = written(mnist.validation.images, seed=6)
    misread = np.flatnonzero(_answers(champion, frames) != mnist.validation.labels)[: max(counts)]
    frames, labels = np.round(frames[misread] * 255).astype(np.uint8), mnist.validation.labels[misread].astype(int)
    others = np.setdiff1d(np.arange(len(mnist.validation)), misread)
    untaught = Examples(mnist.validation.images[others], mnist.validation.labels[others])
    mnist = replace(mnist, validation=untaught)
    before = _error(champion, unseen, truth)
    mnist_frames = framed(mnist.test.images)
    mnist_before = _error(champion, mnist_frames, mnist.test.labels)
    for count in counts:
        lessons = _lessons(frames[:count], labels[:count], wrong, np.random.default_rng(count))
        examples = taught_examples(lessons)
        started = time.monotonic()
        network = teach(champion, examples, mnist, FineTuneRecipe(steps=steps(len(examples))))
        export_network(network, folder / f"{count}-{wrong}", mnist.train)
        reader = read_with(folder / f"{count}-{wrong}")
        verdict, _ = compare(champion_reader, reader, mnist, lessons, lambda phase: None)
        yield Point(
            len(lessons),
            wrong,
            before,
            _error(network, unseen, truth),
            mnist_before,
            _error(network, mnist_frames, mnist.test.labels),
            verdict,
            time.monotonic() - started,
        )


def _lessons(frames: np.ndarray, labels: np.ndarray, wrong: float, rng: np.random.Generator) -> list[Lesson]:
    mistaken = rng.random(len(labels)) < wrong
    labels = np.where(mistaken, (labels + rng.integers(1, 10, len(labels))) % 10, labels)
    held = round(HELD_OUT * len(labels))
    return [
        Lesson(number, f"image {number}", str(label), frames[number : number + 1], [int(label)], None, number < held)
        for number, label in enumerate(labels)
    ]


def _answers(network: keras.Model, frames: np.ndarray) -> np.ndarray:
    return np.asarray(network.predict(frames[..., None], batch_size=500, verbose=0)).argmax(axis=1)


def _error(network: keras.Model, frames: np.ndarray, labels: np.ndarray) -> float:
    return float((_answers(network, frames) != labels).mean())
