"""Frames -> probabilities."""

from typing import Protocol

import numpy as np

from .framing import SIDE
from .runtime import Network, load_network

CLASSES = 11
"""Ten digits and "not one digit"."""

NOT_A_DIGIT = 10

SURE = 0.95
"""The classifier is sure of a frame if its highest probability is at least this."""


class Classifier(Protocol):
    def classify(self, frames: np.ndarray) -> np.ndarray:
        """Return probabilities float32 (n, 11) for frames float32 (n, 28, 28)."""


class NetworkClassifier:
    """Classifies with a network from frames (n, 28, 28, 1) to probabilities (n, 11)."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def classify(self, frames: np.ndarray) -> np.ndarray:
        return self._network(frames[..., None])


def look_again(classifier: Classifier, frames: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Classify frames that the classifier is unsure of again, shifted by a pixel to each side, and average.

    frames: float32 (n, 28, 28). probabilities: float32 (n, 11), of the frames as they are. Returns float32 (n, 11).
    """
    unsure = np.flatnonzero(probabilities.max(axis=1) < SURE)
    if not unsure.size:
        return probabilities
    shifted = [np.roll(frames[unsure], step, axis) for axis in (1, 2) for step in (-1, 1)]
    views = classifier.classify(np.concatenate(shifted)).reshape(len(shifted), len(unsure), CLASSES)
    improved = probabilities.copy()
    improved[unsure] = (probabilities[unsure] + views.sum(axis=0)) / (len(shifted) + 1)
    return improved


def load_classifier(content: bytes, runtime: str) -> Classifier:
    """Load a version's network and warm it. Raises ValueError if the content is not a network for frames."""
    return NetworkClassifier(load_network(content, runtime, (2, SIDE, SIDE, 1), (2, CLASSES)))
