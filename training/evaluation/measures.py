"""Accuracy and calibration of a reader, measured as it serves: pages in, readings out."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.stats import binomtest
from tqdm import tqdm

from recognizer.reading import Reader, Reading
from training.synthesis.datasets import Examples


@dataclass(frozen=True)
class Sample:
    """A page, uint8 (height, width), and its text; "" if there is no number."""

    name: str
    page: np.ndarray
    text: str


@dataclass
class Result:
    """The result of one set. Errors by kind: refused, wrong number of digits, wrong digit, text where there is no
    number."""

    name: str
    confidences: list[float] = field(default_factory=list)
    right: list[bool] = field(default_factory=list)
    errors: dict[str, int] = field(default_factory=dict)
    confusions: Counter[tuple[str, str]] = field(default_factory=Counter)
    mistakes: list[tuple[Sample, Reading]] = field(default_factory=list)
    refused: int = 0
    seconds: float = 0.0

    @property
    def count(self) -> int:
        return len(self.right)

    @property
    def accuracy(self) -> float:
        return sum(self.right) / max(1, self.count)

    @property
    def interval(self) -> tuple[float, float]:
        """Return the 95 % confidence interval of the accuracy (Wilson, 1927)."""
        if not self.count:
            return 0.0, 1.0
        bounds = binomtest(sum(self.right), self.count).proportion_ci(method="wilson")
        return float(bounds.low), float(bounds.high)

    @property
    def calibration(self) -> float:
        return calibration_error(np.array(self.confidences), np.array(self.right))

    @property
    def milliseconds(self) -> float:
        return 1000 * self.seconds / max(1, self.count)

    def as_json(self) -> dict[str, Any]:
        """Return the figures as stored in the model card."""
        return {
            "set": self.name,
            "pages": self.count,
            "right": round(self.accuracy, 6),
            "interval": [round(bound, 6) for bound in self.interval],
            "refused": self.refused,
            "errors": dict(sorted(self.errors.items())),
            "confusions": [[truth, read, count] for (truth, read), count in self.confusions.most_common(3)],
            "calibration": round(self.calibration, 6),
            "chance": round(calibration_by_chance(np.array(self.confidences)), 6),
            "reliability": reliability(np.array(self.confidences), np.array(self.right)),
            "milliseconds": round(self.milliseconds, 2),
        }


def calibration_error(confidences: np.ndarray, right: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error: the gap between confidence and accuracy, averaged over equal bins.

    confidences: (n,) from 0 to 1; right: bool (n,).
    """
    index = np.minimum((confidences * bins).astype(int), bins - 1)
    error = 0.0
    for bin_ in np.unique(index):
        inside = index == bin_
        error += inside.mean() * abs(confidences[inside].mean() - right[inside].mean())
    return float(error)


def calibration_by_chance(confidences: np.ndarray, draws: int = 100) -> float:
    """Expected calibration error that a perfectly calibrated reader shows on a sample of this size.

    confidences: (n,) from 0 to 1. Returns the mean over draws of which readings are right.
    """
    rng = np.random.default_rng(0)
    return float(
        np.mean([calibration_error(confidences, rng.random(len(confidences)) < confidences) for _ in range(draws)])
    )


def reliability(confidences: np.ndarray, right: np.ndarray, least: int = 10) -> list[list[float]]:
    """Reliability: [mean confidence, share right] for each tenth of confidence.

    Refused pages, whose confidence is 0, and tenths with fewer than `least` readings are left out.
    """
    tenths = np.minimum((confidences * 10).astype(int), 9)
    groups = [(confidences > 0) & (tenths == tenth) for tenth in range(10)]
    return [
        [round(float(confidences[group].mean()), 4), round(float(right[group].mean()), 4)]
        for group in groups
        if group.sum() >= least
    ]


def refusal_at(kept: float, numbers: list[Result], others: Result) -> tuple[float, float]:
    """Find the confidence that keeps a share of the readings of numbers, and the share of other readings below it."""
    confidences = np.concatenate([result.confidences for result in numbers])
    threshold = float(np.quantile(confidences, 1 - kept))
    return threshold, float((np.array(others.confidences) < max(threshold, 1e-9)).mean())


def evaluate(
    reader: Reader, name: str, samples: Iterable[Sample], total: int | None = None, unsure_refuses: bool = False
) -> Result:
    """Read every sample and compare whole readings.

    unsure_refuses: an unsure reading of a page without a number counts as refused.
    """
    result = Result(name)
    for sample in tqdm(samples, desc=name, total=total, unit="page", leave=False):
        started = time.perf_counter()
        reading = reader.read_page(sample.page)
        result.seconds += time.perf_counter() - started
        doubted = unsure_refuses and not sample.text and not reading.sure
        right = reading.text == sample.text or doubted
        result.refused += reading.reason is not None or doubted
        result.right.append(right)
        result.confidences.append(reading.confidence)
        if not right:
            kind = _kind_of_error(sample.text, reading)
            result.errors[kind] = result.errors.get(kind, 0) + 1
            result.mistakes.append((sample, reading))
            if kind == "digit":
                pairs = zip(sample.text, reading.text, strict=True)
                result.confusions.update(pair for pair in pairs if pair[0] != pair[1])
    return result


def _kind_of_error(text: str, reading: Reading) -> str:
    if not text:
        return "not refused"
    if reading.reason is not None:
        return "refused"
    if len(reading.text) != len(text):
        return "segmentation"
    return "digit"


def mnist_samples(examples: Examples) -> Iterator[Sample]:
    """Return MNIST images as pages: white on black, 28 x 28, unchanged."""
    for number, (image, label) in enumerate(zip(examples.images, examples.labels, strict=True)):
        yield Sample(f"mnist {number}", image, str(label))


def confusion_matrix(result_pairs: Iterable[tuple[int, int]]) -> np.ndarray:
    """Count (truth, read) pairs. Returns int (10, 10), a row for each truth."""
    matrix = np.zeros((10, 10), int)
    for truth, read in result_pairs:
        matrix[truth, read] += 1
    return matrix
