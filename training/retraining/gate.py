"""The checks that a new version (challenger) must pass to replace the current one (champion)."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from recognizer.reading import Classifier, Reader
from training.evaluation.measures import Result, calibration_error, evaluate, mnist_samples
from training.evaluation.pages import no_numbers
from training.synthesis.datasets import Examples, Mnist

from .snapshots import Lesson, open_page
from .verdicts import Check, Verdict

NO_NUMBERS = 200
FRAMES = 300

WORSE_ON_MNIST = 0.0006
WORSE_RECALL = 0.006
FEWER_REFUSED = 0.03
MORE_REFUSED = 0.0006
WORSE_CALIBRATION = 0.005
SLOWER = 1.15
"""Largest allowed ratio of the challenger's time to the champion's. Timing on a busy machine is no more exact."""
UNLEARNT, UNLEARNT_OF_FEW, MANY = 0.4, 0.2, 500
"""Largest allowed share of training digits that are still read otherwise: with at least MANY digits, and with few; in
between it rises linearly. Correct labels agree with MNIST and with each other, so most are learnt; wrong labels are
not."""


@dataclass(frozen=True)
class Measured:
    """Measurements of one network. Arrays are bool: one entry for each validation image, held-out correction or taught
    digit, True if it was read right."""

    validation: Result
    held_out: np.ndarray
    taught: np.ndarray
    refused: float
    """Share of pages without a number that were refused."""

    milliseconds: float

    @property
    def right(self) -> np.ndarray:
        return np.array(self.validation.right)

    @property
    def calibration(self) -> float:
        """Calibration error, on the half of the validation images that the temperature was not fitted on."""
        judging = slice(self.validation.count // 2, None)
        return calibration_error(np.array(self.validation.confidences)[judging], self.right[judging])

    @property
    def digits_refused(self) -> float:
        return self.validation.errors.get("refused", 0) / max(1, self.validation.count)


def measure(
    reader: Reader,
    mnist: Mnist,
    lessons: Sequence[Lesson],
    milliseconds: float,
    tell: Callable[[str], None] = lambda phase: None,
) -> Measured:
    """Measure a reader on MNIST's validation images, on corrections, and on pages without a number.

    milliseconds: its time for one digit, from `time_both`. tell: called with the name of each phase.
    """
    tell("reading MNIST's validation images")
    validation = evaluate(reader, "MNIST validation", mnist_samples(mnist.validation), len(mnist.validation))
    tell("reading corrections")
    held_out = [reads_right(reader, lesson) for lesson in lessons if lesson.held_out]
    taught = [
        right
        for lesson in lessons
        if lesson.labels and not lesson.held_out
        for right in frames_read(reader.classifier, lesson)
    ]
    tell("reading pages without a number")
    refusals = evaluate(reader, "no numbers", no_numbers(NO_NUMBERS, seed=5), NO_NUMBERS)
    return Measured(validation, np.array(held_out, bool), np.array(taught, bool), refusals.accuracy, milliseconds)


def reads_right(reader: Reader, lesson: Lesson) -> bool:
    """Return whether every box of a correction is read as corrected; without box labels, whether the whole page is."""
    if lesson.labels:
        return all(frames_read(reader.classifier, lesson))
    return reader.read_page(open_page(lesson)).text == lesson.text


def frames_read(classifier: Classifier, lesson: Lesson) -> list[bool]:
    answers = classifier.classify(lesson.frames.astype(np.float32) / 255).argmax(axis=1)
    return [bool(answer == label) for answer, label in zip(answers, lesson.labels or [], strict=True)]


def time_both(champion: Classifier, challenger: Classifier, examples: Examples) -> tuple[float, float]:
    """Time both networks on single frames, in turns, so that load on the machine affects both alike.

    Returns the lower quartile for each, in milliseconds.
    """
    frames = examples.images[:FRAMES, None].astype(np.float32) / 255
    seconds: tuple[list[float], list[float]] = [], []
    for frame in frames:
        for classifier, times in zip((champion, challenger), seconds, strict=True):
            started = time.perf_counter()
            classifier.classify(frame)
            times.append(time.perf_counter() - started)
    first, second = (1000 * float(np.quantile(times, 0.25)) for times in seconds)
    return first, second


def mcnemar(before: np.ndarray, after: np.ndarray) -> tuple[int, int, float]:
    """Compare two networks on the same images by McNemar's exact test (1947).

    before, after: bool (n,), whether each image was read right. Returns how many only the first read right, how many
    only the second, and the p-value.
    """
    lost, won = int((before & ~after).sum()), int((after & ~before).sum())
    p = float(binomtest(lost, lost + won).pvalue) if lost + won else 1.0
    return lost, won, p


def may_stay_unlearnt(taught: int) -> float:
    """Return the largest share of taught digits that may still be read otherwise if their labels are right."""
    return min(UNLEARNT, UNLEARNT_OF_FEW + taught / MANY)


def judge(champion: Measured, challenger: Measured, labels: np.ndarray) -> Verdict:
    """Run every check on a challenger. labels: int (n,), of MNIST's validation images."""
    lost, won, p = mcnemar(champion.right, challenger.right)
    worse = (lost - won) / len(labels)
    recalls = {
        digit: (float(champion.right[labels == digit].mean()), float(challenger.right[labels == digit].mean()))
        for digit in range(10)
        if (labels == digit).any()
    }
    fallen = max(recalls, key=lambda digit: recalls[digit][0] - recalls[digit][1])
    before, after = recalls[fallen]
    held_lost, held_won, held_p = mcnemar(champion.held_out, challenger.held_out)
    unlearnt = float((~challenger.taught).mean()) if len(challenger.taught) else 0.0
    allowed = may_stay_unlearnt(len(challenger.taught))
    return Verdict(
        (
            Check(
                "MNIST validation",
                worse <= WORSE_ON_MNIST + 1e-9,
                {
                    "wrong": int((~challenger.right).sum()), "total": len(labels),
                    "before": int((~champion.right).sum()), "fixed": won, "broke": lost, "p": p,
                    "allowed": WORSE_ON_MNIST,
                },
            ),
            Check(
                "each digit",
                before - after <= WORSE_RECALL + 1e-9,
                {"digit": fallen, "before": before, "after": after, "allowed": WORSE_RECALL},
            ),
            Check(
                "held-out corrections",
                held_won > held_lost,
                {
                    "right": int(challenger.held_out.sum()), "total": len(champion.held_out),
                    "before": int(champion.held_out.sum()), "fixed": held_won, "broke": held_lost, "p": held_p,
                },
            ),
            Check("labels hold together", unlearnt <= allowed, {"unlearnt": unlearnt, "allowed": allowed}),
            Check(
                "refusals",
                champion.refused - challenger.refused <= FEWER_REFUSED + 1e-9
                and challenger.digits_refused - champion.digits_refused <= MORE_REFUSED + 1e-9,
                {
                    "refused": challenger.refused, "before": champion.refused, "digits": challenger.digits_refused,
                    "digits_before": champion.digits_refused, "fewer": FEWER_REFUSED, "more": MORE_REFUSED,
                },
            ),
            Check(
                "calibration",
                challenger.calibration - champion.calibration <= WORSE_CALIBRATION + 1e-9,
                {"off": challenger.calibration, "before": champion.calibration, "allowed": WORSE_CALIBRATION},
            ),
            Check(
                "speed",
                challenger.milliseconds <= SLOWER * champion.milliseconds,
                {"now": challenger.milliseconds, "before": champion.milliseconds, "allowed": SLOWER},
            ),
        )
    )  # fmt: skip
