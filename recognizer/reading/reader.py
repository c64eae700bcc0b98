"""The whole way from bytes to a reading."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from .classifier import NOT_A_DIGIT, Classifier
from .images import open_image
from .ink import find_ink
from .lattice import Run, read_line
from .segmentation import Line, cut, find_lines

MOST_LINES = 60
LEAST_CONFIDENCE = 0.2
"""A page whose digits are, on average, less likely than this is not a number."""


class Reason(StrEnum):
    """Why a page has no text."""

    NO_INK = "no_ink"
    NOT_A_NUMBER = "not_a_number"
    UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Box:
    """Pixels of the upright page."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Digit:
    """One digit found. probabilities: of 0 to 9; what they lack to 1 is "not one digit". frame: float32 (28, 28)."""

    label: int
    confidence: float
    box: Box
    probabilities: tuple[float, ...]
    frame: np.ndarray
    line: int

    def as_json(self) -> dict[str, Any]:
        """The digit as it is stored and served; its box as [x, y, width, height]."""
        return {
            "label": self.label,
            "confidence": self.confidence,
            "box": [self.box.x, self.box.y, self.box.width, self.box.height],
            "probabilities": list(self.probabilities),
            "line": self.line,
        }


@dataclass(frozen=True)
class Reading:
    """What was found on a page: uint8 (height, width). text is empty where reason is set."""

    text: str
    confidence: float
    digits: tuple[Digit, ...]
    reason: Reason | None
    page: np.ndarray


class Reader:
    """Reads pages with one classifier. Holds no other state; threads may share it."""

    def __init__(self, classifier: Classifier) -> None:
        self.classifier = classifier

    def read(self, data: bytes) -> Reading:
        """Read PNG, JPEG or WebP bytes. Raises UnreadableImage where they are no picture."""
        return self.read_page(open_image(data))

    def read_page(self, page: np.ndarray) -> Reading:
        """Read an upright grey page: uint8 (height, width)."""
        ink = find_ink(page)
        lines = find_lines(ink)[:MOST_LINES] if ink is not None else []
        if not lines:
            return Reading("", 0.0, (), Reason.NO_INK, page)
        digits: list[Digit] = []
        junk = 0.0
        for line in lines:
            found, others = read_line(line, cut(line), self.classifier)
            junk += sum(run.box[2] * run.box[3] * line.scale**2 for run in others)
            number = digits[-1].line + 1 if digits else 0
            digits += [_digit(run, line, number, page.shape) for run in found]
        if not digits or _is_no_number(digits, junk):
            return Reading("", 0.0, (), Reason.NOT_A_NUMBER, page)
        return Reading(_text(digits), _confidence(digits), tuple(digits), None, page)


def _digit(run: Run, line: Line, number: int, shape: tuple[int, ...]) -> Digit:
    x, y, width, height = (value * line.scale for value in run.box)
    left, top = round(line.x + x), round(line.y + y)
    box = Box(left, top, min(max(1, round(width)), shape[1] - left), min(max(1, round(height)), shape[0] - top))
    p = tuple(round(float(v), 6) for v in run.probabilities[:NOT_A_DIGIT])
    return Digit(run.label, p[run.label], box, p, run.frame, number)


def _is_no_number(digits: list[Digit], junk: float) -> bool:
    inked = sum(digit.box.width * digit.box.height for digit in digits)
    typical = float(np.exp(np.mean([np.log(max(digit.confidence, 1e-6)) for digit in digits])))
    return junk > 1.5 * inked or typical < LEAST_CONFIDENCE


def _text(digits: list[Digit]) -> str:
    lines: dict[int, str] = {}
    for digit in digits:
        lines[digit.line] = lines.get(digit.line, "") + str(digit.label)
    return "\n".join(lines.values())


def _confidence(digits: list[Digit]) -> float:
    """Probability that every digit is right, taking their errors as independent."""
    return round(float(np.prod([digit.confidence for digit in digits])), 6)
