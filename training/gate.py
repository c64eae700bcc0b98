"""What a challenger must show before it serves in place of the champion."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import binomtest

from recognizer.reading import Classifier, Reader

from .datasets import Examples, Mnist
from .evaluation import Result, evaluate, mnist_samples
from .scenes import no_numbers
from .snapshots import Lesson, page_of

NO_NUMBERS = 200
FRAMES = 300

WORSE_ON_MNIST = 0.0005
WORSE_RECALL = 0.005
FEWER_REFUSED = 0.03
MORE_REFUSED = 0.0005
WORSE_CALIBRATION = 0.005
SLOWER = 1.15
"""How many times the champion's time a challenger may take: the clock of a busy machine is no better."""
UNLEARNT, UNLEARNT_OF_FEW, MANY = 0.4, 0.2, 500
"""Shares of what was taught that may still be read otherwise: of many digits, and of few; each digit taught allows its
share of the third more. Right labels agree with the replay and with each other: of three, two are learnt half-way to
the tuned weights, and of a few nearly all; of wrong ones hardly any."""


@dataclass(frozen=True)
class Measured:
    """How one network does. Arrays are bool, one for each test image, held-out correction, taught digit."""

    test: Result
    held_out: np.ndarray
    taught: np.ndarray
    refused: float
    """Share of pages without a number that were refused."""

    milliseconds: float

    @property
    def right(self) -> np.ndarray:
        return np.array(self.test.right)

    @property
    def calibration(self) -> float:
        return self.test.calibration

    @property
    def test_refused(self) -> float:
        return self.test.errors.get("refused", 0) / max(1, self.test.count)


@dataclass(frozen=True)
class Check:
    """One condition: a sentence with its numbers, and whether it holds."""

    name: str
    passed: bool
    sentence: str


@dataclass(frozen=True)
class Verdict:
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        checks = [{"name": c.name, "passed": c.passed, "sentence": c.sentence} for c in self.checks]
        return {"passed": self.passed, "checks": checks}


def measure(
    reader: Reader,
    mnist: Mnist,
    lessons: Sequence[Lesson],
    milliseconds: float,
    tell: Callable[[str], None] = lambda phase: None,
) -> Measured:
    """Measure a reader on MNIST's test images, on corrections, and on pages without a number."""
    tell("reading MNIST's test images")
    test = evaluate(reader, "MNIST test", mnist_samples(mnist.test), len(mnist.test))
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
    return Measured(test, np.array(held_out, bool), np.array(taught, bool), refusals.accuracy, milliseconds)


def reads_right(reader: Reader, lesson: Lesson) -> bool:
    """Tell whether every box of a correction, or its whole page where it fits no boxes, is read as claimed."""
    if lesson.labels:
        return all(frames_read(reader.classifier, lesson))
    return reader.read_page(page_of(lesson)).text == lesson.text


def frames_read(classifier: Classifier, lesson: Lesson) -> list[bool]:
    answers = classifier.classify(lesson.frames.astype(np.float32) / 255).argmax(axis=1)
    return [bool(answer == label) for answer, label in zip(answers, lesson.labels or [], strict=True)]


def time_both(champion: Classifier, challenger: Classifier, examples: Examples) -> tuple[float, float]:
    """Time one frame's way through each network in turns, so that both see the same machine. Returns milliseconds."""
    frames = examples.images[:FRAMES, None].astype(np.float32) / 255
    taken: tuple[list[float], list[float]] = [], []
    for frame in frames:
        for classifier, times in zip((champion, challenger), taken, strict=True):
            started = time.perf_counter()
            classifier.classify(frame)
            times.append(time.perf_counter() - started)
    first, second = (1000 * float(np.quantile(times, 0.25)) for times in taken)
    return first, second


def mcnemar(before: np.ndarray, after: np.ndarray) -> tuple[int, int, float]:
    """Compare two networks on the same images: bool (n,) each, whether an image was read right.

    Returns how many only the first read right, how many only the second, and the probability of a split at least
    as uneven by chance (McNemar, 1947, the exact test).
    """
    lost, won = int((before & ~after).sum()), int((after & ~before).sum())
    p = float(binomtest(lost, lost + won).pvalue) if lost + won else 1.0
    return lost, won, p


def may_stay_unlearnt(taught: int) -> float:
    """Say which share of so many taught digits may still be read otherwise, if their labels are right."""
    return min(UNLEARNT, UNLEARNT_OF_FEW + taught / MANY)


def judge(champion: Measured, challenger: Measured, labels: np.ndarray) -> Verdict:
    """Hold a challenger to every condition. labels: (n,) of MNIST's test images."""
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
    held = len(champion.held_out)
    unlearnt = float((~challenger.taught).mean()) if len(challenger.taught) else 0.0
    allowed = may_stay_unlearnt(len(challenger.taught))
    return Verdict(
        (
            Check(
                "MNIST test",
                worse <= WORSE_ON_MNIST + 1e-9,
                f"{(~challenger.right).sum()} of {len(labels)} wrong after {(~champion.right).sum()}: {won} mended, "
                f"{lost} spoilt (McNemar p = {p:.3f}); at most {WORSE_ON_MNIST:.2%} worse is allowed.",
            ),
            Check(
                "each digit",
                before - after <= WORSE_RECALL + 1e-9,
                f"The recall of {fallen} changes the worst, from {before:.2%} to {after:.2%}; "
                f"at most {WORSE_RECALL:.1%} less is allowed.",
            ),
            Check(
                "held-out corrections",
                held_won > held_lost,
                f"{challenger.held_out.sum()} of {held} right after {champion.held_out.sum()}: {held_won} mended, "
                f"{held_lost} spoilt (McNemar p = {held_p:.3f}); more must be mended than spoilt.",
            ),
            Check(
                "labels hold together",
                unlearnt <= allowed,
                f"{unlearnt:.1%} of the digits taught are still read otherwise; above {allowed:.0%}, "
                "labels are likely to be wrong.",
            ),
            Check(
                "refusals",
                champion.refused - challenger.refused <= FEWER_REFUSED + 1e-9
                and challenger.test_refused - champion.test_refused <= MORE_REFUSED + 1e-9,
                f"{challenger.refused:.1%} of pages without a number refused after {champion.refused:.1%}, and "
                f"{challenger.test_refused:.2%} of MNIST after {champion.test_refused:.2%}; at most "
                f"{FEWER_REFUSED:.0%} fewer and {MORE_REFUSED:.2%} more are allowed.",
            ),
            Check(
                "calibration",
                challenger.calibration - champion.calibration <= WORSE_CALIBRATION + 1e-9,
                f"Confidence is off by {challenger.calibration:.2%} after {champion.calibration:.2%}; "
                f"at most {WORSE_CALIBRATION:.1%} more is allowed.",
            ),
            Check(
                "speed",
                challenger.milliseconds <= SLOWER * champion.milliseconds,
                f"{challenger.milliseconds:.2f} ms a digit after {champion.milliseconds:.2f} ms; "
                f"at most {SLOWER:.2f} times as long is allowed.",
            ),
        )
    )
