"""Make a network's probabilities honest, and what is said of strings of digits."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import keras
import numpy as np
from scipy.optimize import minimize

from recognizer.reading import Reader
from recognizer.reading.framing import frame
from recognizer.reading.lattice import log_odds

from .augmentation import MILDLY, bend
from .datasets import SETTLING, Examples, augmented
from .evaluation import Sample


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """Find the temperature that makes logits (n, 11) most likely to have given labels (n,).

    Temperature scaling (Guo et al., 2017), by golden-section search over 0.3 to 3.
    """

    def loss(temperature: float) -> float:
        scaled = logits / temperature
        scaled = scaled - scaled.max(axis=1, keepdims=True)
        log_sums = np.log(np.exp(scaled).sum(axis=1))
        return float((log_sums - scaled[np.arange(len(labels)), labels]).mean())

    low, high = 0.3, 3.0
    golden = (5**0.5 - 1) / 2
    for _ in range(40):
        a, b = high - golden * (high - low), low + golden * (high - low)
        if loss(a) < loss(b):
            high = b
        else:
            low = a
    return (low + high) / 2


def calibrate(network: keras.Model, held_out: Examples) -> float:
    """Scale the network's last layer by the temperature fitted on examples it has not seen, augmented. Returns it."""
    frames, labels = augmented(held_out, np.arange(len(held_out)), seed=0, mix=SETTLING)
    last = network.get_layer("logits")
    logits = keras.Model(network.inputs, last.output).predict(frames[..., None], batch_size=500, verbose=0)
    temperature = fit_temperature(logits, labels)
    last.set_weights([weight / temperature for weight in last.get_weights()])
    return temperature


@dataclass(frozen=True)
class ReadString:
    """A line read as several digits: its log-odds by the lattice, whether its way cuts ink, and whether it is right."""

    odds: float
    cuts_ink: bool
    right: bool


def read_strings(reader: Reader, samples: Iterable[Sample]) -> Iterator[ReadString]:
    """Read pages and yield their lines of several digits; where lines are missing or too many, none is right."""
    for sample in samples:
        ways = [read.way for read in reader.trace(sample.page).lines if read.way.digits]
        truth = sample.text.split("\n")
        for number, way in enumerate(ways):
            if len(way.digits) > 1:
                text = "".join(str(step.label) for step in way.digits)
                right = len(ways) == len(truth) and text == truth[number]
                yield ReadString(log_odds(way.likelihood), way.cuts_ink, right)


def bent(examples: Examples, seed: int) -> Examples:
    """Bend digits a little: strangers write less like the writers of what was trained on than these do themselves."""
    rng = np.random.default_rng(seed)
    inks = (image.astype(np.float32) / 255 for image in examples.images)
    frames = np.stack([frame(bend(ink, rng, MILDLY)) for ink in inks])
    return Examples(np.round(frames * 255).astype(np.uint8), examples.labels)


def fit_candour(kinds: list[list[ReadString]]) -> tuple[float, float, float]:
    """Find the curve from log-odds to confidence that makes what came true likeliest, each kind of page counted alike.

    A logistic regression (Platt, 1999). Returns the slope, what is always added, and what is where ink is cut.
    """
    strings = [string for kind in kinds for string in kind]
    weights = np.concatenate([np.full(len(kind), 1 / len(kind)) for kind in kinds])
    seen = np.array([(string.odds, 1.0, string.cuts_ink) for string in strings])
    signs = np.array([1 if string.right else -1 for string in strings])

    def loss(curve: np.ndarray) -> float:
        return float(weights @ np.logaddexp(0, -signs * (seen @ curve)))

    slope, always, cut = minimize(loss, np.array([1.0, 0.0, 0.0])).x
    return float(slope), float(always), float(cut)
