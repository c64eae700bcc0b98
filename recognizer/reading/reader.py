"""The whole way from bytes to a reading."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np

from .classifier import NOT_A_DIGIT, SURE, Classifier, look_again
from .images import open_image
from .ink import Ink, find_ink
from .lattice import Run, Step, Way, best_way, runs_of
from .segmentation import Line, Pieces, as_one, cut, find_lines, uncut
from .spotter import Spotter, shipped_spotter

MOST_LINES = 60
LEAST_CONFIDENCE = 0.35
"""A page whose digits, or whose reading for each digit, are on average less likely than this is not a number."""


FEW = 3
"""A line with no more runs than this may be one digit, which has no neighbours to tell by: it is looked at again."""


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


@dataclass(frozen=True)
class Trace:
    """What the stages of a reading saw; the lists have an entry for each line."""

    ink: Ink | None
    lines: list[Line]
    cuts: list[Pieces]
    runs: list[list[Run]]
    probabilities: list[np.ndarray]
    ways: list[Way]


class Reader:
    """Reads pages with a version's classifier and the spotter. Holds no other state; threads may share it."""

    def __init__(self, classifier: Classifier, spotter: Spotter | None = None) -> None:
        self.classifier = classifier
        self.spotter = spotter or shipped_spotter()

    def read(self, data: bytes) -> Reading:
        """Read PNG, JPEG or WebP bytes. Raises UnreadableImage where they are no picture."""
        return self.read_page(open_image(data))

    def read_page(self, page: np.ndarray) -> Reading:
        """Read an upright grey page: uint8 (height, width)."""
        return self.reading_of(page, self.trace(page))

    def trace(self, page: np.ndarray) -> Trace:
        """Find the ink, cut its lines, classify the runs of all in one call, and choose each line's best way."""
        ink = find_ink(page)
        if ink is None:
            return Trace(ink, [], [], [], [], [])
        in_parts = self._digit_in_parts(ink)
        if in_parts is not None:
            return in_parts
        found = [(line, cut(line)) for line in find_lines(ink)[:MOST_LINES]]
        weighed = [(line, pieces, of_line) for line, pieces in found if (of_line := runs_of(line, pieces))]
        if not weighed:
            return Trace(ink, [], [], [], [], [])
        lines = [line for line, _, _ in weighed]
        cuts = [pieces for _, pieces, _ in weighed]
        runs = [of_line for _, _, of_line in weighed]
        frames = np.stack([run.frame for of_line in runs for run in of_line])
        ends = np.cumsum([len(of_line) for of_line in runs])[:-1]
        probabilities = np.split(self.classifier.classify(frames), ends)
        ways: list[Way] = []
        for number, line in enumerate(lines):
            if len(runs[number]) <= FEW:
                few = np.stack([run.frame for run in runs[number]])
                probabilities[number] = look_again(self.classifier, few, probabilities[number])
            whole = _plainly_one_digit(cuts[number], runs[number], probabilities[number])
            if whole is not None:
                cuts[number], probabilities[number] = uncut(line), probabilities[number][whole][None]
                runs[number] = [replace(runs[number][whole], first=0, last=1)]
            # One run has no other way to be weighed against.
            spotted = self.spotter.spot(line) if len(runs[number]) > 1 else None
            ways.append(best_way(line, cuts[number], runs[number], probabilities[number], spotted))
        return Trace(ink, lines, cuts, runs, probabilities, ways)

    def _digit_in_parts(self, ink: Ink) -> Trace | None:
        """Read the ink as one digit in parts where it is surely one: lines would tear it at the gaps."""
        line = as_one(ink)
        if line is None:
            return None
        pieces = uncut(line)
        runs = runs_of(line, pieces)
        # Strokes thin beside their height can be too faint to frame once the line is reduced.
        if not runs:
            return None
        probabilities = self.classifier.classify(np.stack([run.frame for run in runs]))
        if _plainly_one_digit(pieces, runs, probabilities) is None:
            return None
        way = best_way(line, pieces, runs, probabilities, None)
        return Trace(ink, [line], [pieces], [runs], [probabilities], [way])

    def reading_of(self, page: np.ndarray, trace: Trace) -> Reading:
        """Say what the trace of a page comes to."""
        if not trace.lines:
            return Reading("", 0.0, (), Reason.NO_INK, page)
        found = [(line, way) for line, way in zip(trace.lines, trace.ways, strict=True) if way.digits]
        digits = [
            _digit(step, line, number, page.shape) for number, (line, way) in enumerate(found) for step in way.digits
        ]
        junk = sum(
            step.run.box[2] * step.run.box[3] * line.scale**2
            for line, way in zip(trace.lines, trace.ways, strict=True)
            for step in way.others
        )
        confidence = round(float(np.prod([way.confidence for _, way in found])), 6)
        if not digits or confidence < LEAST_CONFIDENCE ** len(digits) or _is_no_number(digits, junk):
            return Reading("", 0.0, (), Reason.NOT_A_NUMBER, page)
        return Reading(_text(digits), confidence, tuple(digits), None, page)


def _plainly_one_digit(pieces: Pieces, runs: list[Run], probabilities: np.ndarray) -> int | None:
    """Find the run of a whole line that is so surely one digit that its cuts are not worth weighing."""
    for index, run in enumerate(runs):
        if (run.first, run.last) == (0, len(pieces)) and probabilities[index, :NOT_A_DIGIT].max() >= SURE:
            return index
    return None


def _digit(step: Step, line: Line, number: int, shape: tuple[int, ...]) -> Digit:
    x, y, width, height = (value * line.scale for value in step.run.box)
    left, top = round(line.x + x), round(line.y + y)
    box = Box(left, top, min(max(1, round(width)), shape[1] - left), min(max(1, round(height)), shape[0] - top))
    p = tuple(round(float(v), 6) for v in step.probabilities[:NOT_A_DIGIT])
    return Digit(step.label, p[step.label], box, p, step.run.frame, number)


def _is_no_number(digits: list[Digit], junk: float) -> bool:
    inked = sum(digit.box.width * digit.box.height for digit in digits)
    typical = float(np.exp(np.mean([np.log(max(digit.confidence, 1e-6)) for digit in digits])))
    return junk > 1.5 * inked or typical < LEAST_CONFIDENCE


def _text(digits: list[Digit]) -> str:
    lines: dict[int, str] = {}
    for digit in digits:
        lines[digit.line] = lines.get(digit.line, "") + str(digit.label)
    return "\n".join(lines.values())
