"""A line -> which digit stands in which column: a second opinion that sees neighbours, points and dashes.

The classifier sees one run of pieces at a time, each brought to the same size; whether a bar is a 1, a comma or half
of a 4 shows only beside its neighbours. The spotter reads the whole line at once.
"""

from functools import lru_cache
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from .runtime import Network, load_network
from .segmentation import Line

HEIGHT = 40
"""Rows of the strip that the spotter sees."""

BODY = 24
"""Height to which a line's digits are brought in the strip, in pixels."""

STRIDE = 2
"""Columns of the strip to one answer."""

BLANK = 10
"""The answer where no digit has its centre."""

SHIPPED_SPOTTER = Path(__file__).with_name("spotter.tflite")
"""Part of the reader, like its thresholds: versions differ in the classifier alone."""

BUCKET = 32
"""Strips are widened to a multiple of this many columns, so that the runtime seldom meets a new size."""


class Spotter(Protocol):
    def spot(self, line: Line) -> np.ndarray:
        """Return log-probabilities float32 (n, 11) for every STRIDE columns of the line's strip: 0 to 9 and blank."""


def strip_of(line: Line) -> tuple[np.ndarray, float]:
    """Bring a line to the spotter's size: its digits BODY tall, their middle at the strip's.

    Returns float32 (HEIGHT, w) and the scale: strip pixels per pixel of the line.
    """
    scale = BODY / max(line.body, 4.0)
    matrix = np.array([[scale, 0, 0], [0, scale, HEIGHT / 2 - line.middle * scale]], np.float32)
    columns = max(STRIDE, round(line.strength.shape[1] * scale))
    strength = line.strength
    if scale < 0.7:
        strength = cv2.blur(strength, (round(1 / scale), round(1 / scale)))
    return cv2.warpAffine(strength, matrix, (columns, HEIGHT), flags=cv2.INTER_LINEAR), scale


class NetworkSpotter:
    """Spots digits with a network from strips (n, HEIGHT, w, 1) to probabilities (n, w / STRIDE, 11)."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def spot(self, line: Line) -> np.ndarray:
        strip, _ = strip_of(line)
        columns = strip.shape[1]
        padded = np.zeros((1, HEIGHT, -(-columns // BUCKET) * BUCKET, 1), np.float32)
        padded[0, :, :columns, 0] = strip
        answers = self._network(padded)[0, : -(-columns // STRIDE)]
        return np.asarray(np.log(np.maximum(answers, 1e-6)))


def load_spotter(content: bytes) -> Spotter:
    """Load the spotter's LiteRT export and warm it. Raises ValueError where the content is no network for strips."""
    shape = (1, HEIGHT, 2 * BUCKET, 1), (1, 2 * BUCKET // STRIDE, BLANK + 1)
    return NetworkSpotter(load_network(content, "litert", *shape))


@lru_cache
def shipped_spotter() -> Spotter:
    """Load the project's spotter, once a process."""
    return load_spotter(SHIPPED_SPOTTER.read_bytes())
