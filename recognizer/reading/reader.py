"""The whole way from bytes to a reading."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from .classifier import NOT_A_DIGIT, SURE, Classifier, look_again
from .images import open_image
from .ink import Ink, find_ink
from .lattice import WIDEST, Run, Step, Way, best_way, runs_of
from .segmentation import Line, Pieces, as_one, cut, find_lines, uncut
from .spotter import Spotter, shipped_spotter

MOST_LINES = 60
LEAST_CONFIDENCE = 0.27
"""A page whose digits, or whose lines, are on average less likely than this is not a number."""

FEW = 2
"""A line with no more pieces than this may be one digit, which has no neighbours to tell by: it is looked at again."""


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
class ReadLine:
    """How one line was read. probabilities: of each run, float32 (runs, 11)."""

    line: Line
    pieces: Pieces
    runs: list[Run]
    probabilities: np.ndarray
    way: Way


@dataclass(frozen=True)
class Trace:
    """What the stages of a reading saw."""

    ink: Ink | None
    lines: list[ReadLine]


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
        """Find the ink and its lines, and read each: as one digit where it plainly is one, by its pieces otherwise.

        What may be one digit, but not plainly, is read both ways, and the likelier stands.
        """
        ink = find_ink(page)
        if ink is None:
            return Trace(None, [])
        # Lines would tear a digit written in parts at its gaps.
        parts = as_one(ink)
        whole = None if parts is None else self._as_one_digit(parts)
        if whole is not None and _is_sure(whole):
            return Trace(ink, [whole])
        lines = dict(enumerate(find_lines(ink)[:MOST_LINES]))
        ones = {number: one for number, line in lines.items() if (one := self._as_one_digit(line))}
        rest = {number: line for number, line in lines.items() if number not in ones or not _is_sure(ones[number])}
        read = ones | {
            number: pieced
            for number, pieced in self._by_pieces(rest).items()
            if number not in ones or not _is_likelier(ones[number], [pieced])
        }
        in_order = [read[number] for number in sorted(read)]
        return Trace(ink, [whole] if whole is not None and _is_likelier(whole, in_order) else in_order)

    def _as_one_digit(self, line: Line) -> ReadLine | None:
        """Read a line as one digit, if it may be one: cutting it, and weighing the cuts, costs more."""
        pieces = uncut(line)
        runs = runs_of(line, pieces)
        # Strokes thin beside their height can be too faint to frame once the line is reduced.
        if not runs or runs[0].box[2] > WIDEST * line.body:
            return None
        probabilities = self.classifier.classify(runs[0].frame[None])
        if probabilities[0].argmax() == NOT_A_DIGIT:
            return None
        return ReadLine(line, pieces, runs, probabilities, best_way(line, pieces, runs, probabilities))

    def _by_pieces(self, lines: dict[int, Line]) -> dict[int, ReadLine]:
        """Cut lines, classify what the spotter takes for digits in one call, and choose each line's best way."""
        cuts = {number: cut(line) for number, line in lines.items()}
        # One piece has no other way to be weighed against.
        spotted = {number: self.spotter.spot(line) for number, line in lines.items() if len(cuts[number]) > 1}
        runs = {
            number: found
            for number, line in lines.items()
            if (found := runs_of(line, cuts[number], spotted.get(number)))
        }
        if not runs:
            return {}
        frames = [np.stack([run.frame for run in of_line]) for of_line in runs.values()]
        ends = np.cumsum([len(of_line) for of_line in frames])[:-1]
        answers = np.split(self.classifier.classify(np.concatenate(frames)), ends)
        read = {}
        for number, seen, probabilities in zip(runs, frames, answers, strict=True):
            line, pieces, of_line = lines[number], cuts[number], runs[number]
            if len(pieces) <= FEW:
                probabilities = look_again(self.classifier, seen, probabilities)
            way = best_way(line, pieces, of_line, probabilities)
            read[number] = ReadLine(line, pieces, of_line, probabilities, way)
        return read

    def reading_of(self, page: np.ndarray, trace: Trace) -> Reading:
        """Say what the trace of a page comes to."""
        if not trace.lines:
            return Reading("", 0.0, (), Reason.NO_INK, page)
        found = [read for read in trace.lines if read.way.digits]
        digits = [
            _digit(step, read.line, number, page.shape) for number, read in enumerate(found) for step in read.way.digits
        ]
        junk = sum(
            step.run.box[2] * step.run.box[3] * read.line.scale**2 for read in trace.lines for step in read.way.others
        )
        confidence = round(_together(found), 6)
        if not digits or confidence < LEAST_CONFIDENCE ** len(found) or _is_no_number(digits, junk):
            return Reading("", 0.0, (), Reason.NOT_A_NUMBER, page)
        return Reading(_text(digits), confidence, tuple(digits), None, page)


def _is_sure(one: ReadLine) -> bool:
    return bool(one.probabilities.max() >= SURE)


def _is_likelier(one: ReadLine, lines: list[ReadLine]) -> bool:
    """Tell whether ink is likelier one digit than what its lines say: an open 4 than 11, a torn 3 than two lines.

    Lines that say one digit themselves have looked closer.
    """
    digits = sum(len(read.way.digits) for read in lines)
    return digits != 1 and one.way.confidence > _together(lines)


def _together(lines: list[ReadLine]) -> float:
    return float(np.prod([read.way.confidence for read in lines]))


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
