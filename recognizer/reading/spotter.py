"""A line -> log-probabilities of the digit centred in each column.

The classifier sees one segment at a time, scaled to one size. Whether a bar is a 1, a comma or half of a 4 shows only
beside its neighbours, so the spotter reads the whole line at once.
"""

from functools import lru_cache
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from .lines import Line
from .runtime import Network, load_network

HEIGHT = 40
"""Rows of the spotter's input strip."""

BODY = 24
"""Height of digits in the strip, in pixels."""

FAINT, PALE = 0.1, 0.25
"""Pixels of the strip above the first are ink. Ink that is paler than the second is not brought to full strength."""

STRIDE = 2
"""Columns of the strip for one output."""

BLANK = 10
"""The class of a column in which no digit has its centre."""

SHIPPED_SPOTTER = Path(__file__).with_name("spotter.tflite")
"""Part of the reader, like its thresholds. A version replaces only the classifier."""

BUCKET = 32
"""Strips are padded to a multiple of this many columns, so that the runtime seldom has to resize its tensors."""


class Spotter(Protocol):
    def spot(self, line: Line) -> np.ndarray:
        """Return log-probabilities float32 (n, 11) for every STRIDE columns of the line's strip: 0 to 9 and blank."""


def strip_of(line: Line) -> tuple[np.ndarray, float]:
    """Scale a line to the spotter's input: digits BODY tall, centred in height.

    Returns float32 (HEIGHT, w) and the scale: strip pixels per pixel of the line.
    """
    scale = BODY / max(line.body, 4.0)
    matrix = np.array([[scale, 0, 0], [0, scale, HEIGHT / 2 - line.middle * scale]], np.float32)
    columns = max(STRIDE, round(line.strength.shape[1] * scale))
    strength = line.strength
    if scale < 0.7:
        strength = cv2.blur(strength, (round(1 / scale), round(1 / scale)))
    strip = cv2.warpAffine(strength, matrix, (columns, HEIGHT), flags=cv2.INTER_LINEAR)
    inked = strip[strip > FAINT]
    if inked.size:
        # Scaling down makes thin strokes pale, and the spotter ignores pale ones.
        strip = np.minimum(strip / np.clip(np.quantile(inked, 0.9), PALE, 1), 1)
    return strip, scale


class NetworkSpotter:
    """Spots digits with a network from strips (n, HEIGHT, w, 1) to probabilities (n, w / STRIDE, 11)."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def spot(self, line: Line) -> np.ndarray:
        strip, _ = strip_of(line)
        return self.columns_of(strip)

    def columns_of(self, strip: np.ndarray) -> np.ndarray:
        """Run the network on a strip, float32 (HEIGHT, w): log-probabilities float32 (n, 11)."""
        columns = strip.shape[1]
        padded = np.zeros((1, HEIGHT, -(-columns // BUCKET) * BUCKET, 1), np.float32)
        padded[0, :, :columns, 0] = strip
        answers = self._network(padded)[0, : -(-columns // STRIDE)]
        return np.asarray(np.log(np.maximum(answers, 1e-6)))


def load_spotter(content: bytes) -> NetworkSpotter:
    """Load the spotter's LiteRT export and warm it. Raises ValueError if the content is not a network for strips."""
    shape = (1, HEIGHT, 2 * BUCKET, 1), (1, 2 * BUCKET // STRIDE, BLANK + 1)
    return NetworkSpotter(load_network(content, "litert", *shape))


@lru_cache
def shipped_spotter() -> Spotter:
    """Load the project's spotter, once per process."""
    return load_spotter(SHIPPED_SPOTTER.read_bytes())
