"""Pen strokes of digits that 30 writers wrote on a tablet.

Pen-Based Recognition of Handwritten Digits (E. Alpaydin and F. Alimoglu, UCI, CC BY 4.0).
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

PEN_PATH = Path(__file__).parents[1] / "data" / "pen_strokes.npz"

LEARNING, CHOOSING, TESTING = range(1, 25), range(25, 28), range(28, 31)
"""Writers for training, for choosing and fitting, and for evaluation."""


@dataclass(frozen=True)
class PenDigit:
    """A digit's strokes, float32 (n, 2) of x to the right and y down, one unit high or, if wider, wide."""

    label: int
    writer: int
    strokes: tuple[np.ndarray, ...]


@lru_cache
def load_pen() -> tuple[PenDigit, ...]:
    """Load every digit of every writer."""
    with np.load(PEN_PATH) as arrays:
        points = arrays["points"].astype(np.float32)
        ends = np.append(arrays["stroke_starts"], len(points))
        digit_ends = np.append(arrays["digit_starts"], len(arrays["stroke_starts"]))
        labels, writers = arrays["labels"], arrays["writers"]
    digits = []
    for number, (label, writer) in enumerate(zip(labels, writers, strict=True)):
        first, last = digit_ends[number], digit_ends[number + 1]
        whole = points[ends[first] : ends[last]]
        corner, size = whole.min(axis=0), max(1.0, float(np.ptp(whole, axis=0).max()))
        strokes = tuple((points[ends[s] : ends[s + 1]] - corner) / size for s in range(first, last))
        digits.append(PenDigit(int(label), int(writer), strokes))
    return tuple(digits)


@lru_cache
def digits_of(writer: int) -> dict[int, list[PenDigit]]:
    """Group one writer's digits by label."""
    found: dict[int, list[PenDigit]] = {label: [] for label in range(10)}
    for digit in load_pen():
        if digit.writer == writer:
            found[digit.label].append(digit)
    return found
