"""Calibrate a network's probabilities and the reader's confidences."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import keras
import numpy as np
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_softmax, logsumexp

from recognizer.reading import Reader
from recognizer.reading.choice import FEATURES, features
from recognizer.reading.framing import frame
from recognizer.reading.lattice import Path
from training.evaluation.measures import Sample
from training.synthesis.augmentation import MILDLY, bend
from training.synthesis.datasets import SETTLING, Examples, augmented


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """Fit the temperature, between 0.3 and 3, that maximizes the likelihood of labels (n,) given logits (n, 11).

    Temperature scaling (Guo et al., 2017).
    """
    rows, logits = np.arange(len(labels)), logits.astype(np.float64)  # Single precision blurs the minimum.

    def loss(temperature: float) -> float:
        return -float(log_softmax(logits / temperature, axis=1)[rows, labels].mean())

    return float(minimize_scalar(loss, bounds=(0.3, 3.0)).x)


def calibrate(network: keras.Model, held_out: Examples) -> float:
    """Divide the network's logits by the temperature fitted on augmented held-out examples. Returns the temperature."""
    frames, labels = augmented(held_out, np.arange(len(held_out)), seed=0, mix=SETTLING)
    last = network.get_layer("logits")
    logits = keras.Model(network.inputs, last.output).predict(frames[..., None], batch_size=500, verbose=0)
    temperature = fit_temperature(logits, labels)
    last.set_weights([weight / temperature for weight in last.get_weights()])
    return temperature


@dataclass(frozen=True)
class ReadLine:
    """The path through a line, and the index of the right text among its hypotheses, or None."""

    path: Path
    truth: int | None


def read_lines(reader: Reader, samples: Iterable[Sample]) -> Iterator[ReadLine]:
    """Read pages and yield lines of several digits. If a page gives the wrong number of lines, none counts as right."""
    for sample in samples:
        paths = [read.path for read in reader.trace(sample.page).lines if read.path.digits]
        truth = sample.text.split("\n")
        for number, path in enumerate(paths):
            if len(path.digits) > 1:
                text = tuple(int(digit) for digit in truth[number]) if len(paths) == len(truth) else None
                texts = path.hypotheses.texts
                yield ReadLine(path, texts.index(text) if text in texts else None)


def bent(examples: Examples, seed: int) -> Examples:
    """Distort digits slightly: new writers differ more from the training set than its own writers do."""
    rng = np.random.default_rng(seed)
    inks = (image.astype(np.float32) / 255 for image in examples.images)
    frames = np.stack([frame(bend(ink, rng, MILDLY)) for ink in inks])
    return Examples(np.round(frames * 255).astype(np.uint8), examples.labels)


@dataclass(frozen=True)
class ReadVariants:
    """A page with several readings: their `choice.features`, (VARIANTS, FEATURES), and which of them are right.

    has_text, right: bool (VARIANTS,).
    """

    features: np.ndarray
    has_text: np.ndarray
    right: np.ndarray


def read_variants(reader: Reader, samples: Iterable[Sample]) -> Iterator[ReadVariants]:
    """Read pages and yield those with several readings."""
    for sample in samples:
        variants = reader.variants(sample.page)
        if len(variants) == 1:
            continue
        assert variants[0].seen is not None
        texts = [variant.reading.text for variant in variants]
        found = features(texts, [variant.reading.confidence for variant in variants], variants[0].seen.certainty)
        yield ReadVariants(found, np.array([text != "" for text in texts]), np.array([t == sample.text for t in texts]))


def fit_choice(kinds: list[list[ReadVariants]], ridge: float = 0.002) -> tuple[float, ...]:
    """Fit CHOICE by logistic regression, with the same total weight for each kind of page.

    ridge: L2 penalty. Without it weights grow without limit where all pages of a kind are read right.
    """
    pages = [page for kind in kinds for page in kind]
    weights = np.concatenate([np.full(int(page.has_text.sum()), 1 / len(kind)) for kind in kinds for page in kind])
    seen = np.concatenate([page.features[page.has_text] for page in pages])
    signs = np.concatenate([np.where(page.right[page.has_text], 1, -1) for page in pages])

    def loss(choice: np.ndarray) -> float:
        return float(weights @ np.logaddexp(0, -signs * (seen @ choice)) + ridge * choice @ choice)

    return tuple(float(value) for value in minimize(loss, np.zeros(FEATURES)).x)


def fit_threshold(reader: Reader, samples: Iterable[Sample], kept: float = 0.985) -> float:
    """Find the threshold of sure readings at which the share `kept` of the samples is both right and sure."""
    readings = [(sample.text, reader.read_page(sample.page)) for sample in samples]
    confidences = [reading.confidence if reading.text == text else 0.0 for text, reading in readings]
    return float(np.quantile(confidences, 1 - kept))


USUAL_DOUBT = -8.0
"""Prior of DOUBTS, for when few lines show a network's confident errors."""


def fit_weight(kinds: list[list[ReadLine]], chosen_by: int) -> tuple[float, np.ndarray]:
    """Fit a weight and a pair of doubts to maximize the probability of the right texts among the hypotheses.

    chosen_by: LINE or GREY; only such lines count. A kind of page counts by the square root of its number of lines.
    Returns an element of WEIGHTS and one of DOUBTS, float64 (2,).
    """
    lines = [(line.path.hypotheses, line.truth, kind) for kind in kinds for line in kind]
    known = [
        (texts.scores, truth, kind)
        for texts, truth, kind in lines
        if texts.chosen_by == chosen_by and truth is not None
    ]
    weights = np.array([1 / np.sqrt(len(kind)) for *_, kind in known])
    width = max(len(scores) for scores, *_ in known)
    scores = np.stack([np.pad(each, ((0, width - len(each)), (0, 0))) for each, *_ in known])
    there = np.stack([np.arange(width) < len(each) for each, *_ in known])
    truths = np.array([truth for _, truth, _ in known])

    def loss(found: np.ndarray) -> float:
        combined = np.where(there, found[0] * np.logaddexp(scores, found[1:]).sum(axis=2), -np.inf)
        likely = combined[np.arange(len(truths)), truths] - logsumexp(combined, axis=1)
        # Few lines show a network's confident errors, so the floors are pulled towards a usual value.
        usual = 1e-3 * float(((found[1:] - USUAL_DOUBT) ** 2).mean())
        return usual - float(weights @ likely / weights.sum())

    found = minimize(loss, np.array([0.6, -5.0, -8.0]), method="Nelder-Mead", options={"maxiter": 1000}).x
    return float(found[0]), found[1:]


MIN_LINES = 50
"""A kind of page with fewer lines than this counts less in the calibration: a few wrong lines would decide it."""


def fit_calibration(kinds: list[list[ReadLine]], chosen_by: int) -> np.ndarray:
    """Fit one row of CALIBRATION by logistic regression (Platt, 1999), each kind of page with the same total weight.

    Kinds with fewer than MIN_LINES lines have less. chosen_by: ALONE, LINE or GREY; only such lines count. Returns
    float64 (4,).
    """
    chosen = [[line for line in kind if line.path.hypotheses.chosen_by == chosen_by] for kind in kinds]
    lines = [line for kind in chosen for line in kind]
    weights = np.concatenate([np.full(len(kind), 1 / max(MIN_LINES, len(kind))) for kind in chosen])
    evidence = np.stack([line.path.evidence for line in lines])
    signs = np.array([1 if line.path.hypotheses.chosen == line.truth else -1 for line in lines])

    def loss(curve: np.ndarray) -> float:
        return float(weights @ np.logaddexp(0, -signs * (evidence @ curve)) + 1e-3 * curve @ curve)

    return np.asarray(minimize(loss, np.array([0.5, 0.0, 0.0, 0.0])).x)
