"""From bytes to a reading: all stages together."""

from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from math import exp, inf, log, prod
from statistics import fmean
from typing import Any

import cv2
import numpy as np

from .choice import most_supported
from .choice import probabilities as probabilities_right
from .classifier import NOT_A_DIGIT, SURE, Classifier, look_again
from .cuts import Pieces, cut, uncut
from .errors import Unreadable, UnreadableImage
from .grey_reader import GreyReader, shipped_grey_reader
from .ignored import MAX_IGNORED, Ignored, beside_lines, kind_of
from .images import open_image
from .ink import Ink, are_alike, is_clean, look, look_closely, looks_printed
from .lattice import MAX_ASPECT, Edge, Path, Segment, best_path, segments_of
from .line_reader import shipped_line_reader
from .lines import Line, as_one, find_lines
from .page import (
    BESIDE,
    HANDWRITING,
    NO_SHEET,
    OTHER_VIEWS,
    POSSIBLE,
    PRINT,
    UNCHANGED,
    Page,
    PageNetwork,
    View,
    shipped_page_network,
)
from .spotter import Spotter, shipped_spotter
from .tables import rows_between

MAX_LINES = 60

MAX_PIECES = 3000
"""Connected pieces of ink on a page. A page with more is not a number, and would take seconds to read."""

GRAIN = 12
"""Pieces of fewer pixels do not count towards MAX_PIECES: a photograph may have any number of them."""

MIN_CONFIDENCE, MIN_PHOTOGRAPHED = 0.27, 0.2
"""A page is not a number if the average confidence of its digits or its lines is below this (geometric means). The
second is for photographs, of which more are badly written than are no number."""

MIN_PROBABILITY = 0.15
"""A reading chosen among several is a number if it is right with this probability; of several lines, if their geometric
mean is."""

MIN_LIKELY = 0.35
"""If the average confidence of a photograph's lines is below this, the rows of a table may have been mixed up."""

MIN_BESIDE_PRINT = 0.5
"""On a clean page that may contain printed lines, a number that is part of the ink is right with at least this
probability. Hatching, which looks like printed lines, comes to 0.2."""

MIN_CERTAINTY = 0.75
"""If the page network's certainty is lower, all ink is read and its masks are not used, unless that gives no text. The
highest value that costs no reading on synthetic pages by writers 25 to 27 of the pen data."""

MIN_UNANIMOUS = 0.8
"""If handwriting and all ink read the same, each with at least this confidence, the ink on paper is not read: it would
hardly change the answer."""

SURE_FROM = 0.81
"""The published threshold: a reading with at least this confidence is sure. It keeps more than 98.5 % of the single
digits by writers 25 to 27 of the pen data. `manage.py calibrate` prints the highest threshold that keeps as many."""

MIN_FIRST_CONFIDENCE = 0.65
"""A photograph is read again, from other views, if its first reading has less confidence (geometric mean of lines)."""

MAX_PIECES_AGAIN = 300
"""Pages with more pieces of ink, connected or cut, are not read again: it would take too long."""

MAX_CONFIDENCE_AGAIN = SURE_FROM - 0.01
"""Highest confidence of a page that was read again. Its first reading was doubtful, so it is never sure."""

MAX_SHIFTED_PIECES = 2
"""In a line of at most so many pieces, frames that the classifier is unsure of are classified again, shifted: a single
digit has no neighbours that could help."""


class Reason(StrEnum):
    """Why a page has no text."""

    NO_INK = "no_ink"
    NOT_A_NUMBER = "not_a_number"
    UNREADABLE = "unreadable"
    ONLY_PRINT = "only_print"
    NO_PAPER = "no_paper"
    TOO_FAINT = "too_faint"


@dataclass(frozen=True)
class Box:
    """Pixels of the upright page."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Digit:
    """One digit found. probabilities: of 0 to 9; the rest up to 1 is "not a digit". frame: float32 (28, 28)."""

    label: int
    confidence: float
    box: Box
    probabilities: tuple[float, ...]
    frame: np.ndarray
    line: int

    def as_json(self) -> dict[str, Any]:
        """Return the digit as stored and served, its box as [x, y, width, height]."""
        return {
            "label": self.label,
            "confidence": self.confidence,
            "box": [self.box.x, self.box.y, self.box.width, self.box.height],
            "probabilities": list(self.probabilities),
            "line": self.line,
        }


@dataclass(frozen=True)
class Reading:
    """The reading of a page, uint8 (height, width). text is empty where reason is set.

    ignored: ink on the page that is part of no digit. masked: whether the page network's mask selected the ink.
    """

    text: str
    confidence: float
    digits: tuple[Digit, ...]
    reason: Reason | None
    page: np.ndarray
    ignored: tuple[Ignored, ...] = ()
    masked: bool = False

    @property
    def sure(self) -> bool:
        """Whether the text can be relied on."""
        return self.reason is None and self.confidence >= SURE_FROM


@dataclass(frozen=True)
class ReadLine:
    """How one line was read. probabilities: of each segment, float32 (segments, 11)."""

    line: Line
    pieces: Pieces
    segments: list[Segment]
    probabilities: np.ndarray
    path: Path


@dataclass(frozen=True)
class Trace:
    """The results of each stage of a reading.

    seen: the page network's masks, None where it did not run. reading: the lines' reading with its own confidence.
    probability: that the reading is right, given the other readings of the page; None where there are none.
    """

    seen: Page | None
    ink: Ink | None
    lines: list[ReadLine]
    reading: Reading
    probability: float | None = None


Found = Callable[[int], None]


def _nothing(pieces: int) -> None:
    """Report the number of pieces to nobody."""


def _few_pieces(pieces: int) -> None:
    """Raise UnreadableImage where reading again would take too long."""
    if pieces > MAX_PIECES_AGAIN:
        raise _too_many_pieces()


def _too_many_pieces() -> UnreadableImage:
    return UnreadableImage(
        Unreadable.TOO_MANY_PIECES, "There is more writing than can be read at once. Send a part of it."
    )


class Reader:
    """Reads pages with a version's classifier, the page network, the spotter, the line reader and the grey reader.

    Holds no other state; threads may share it.
    """

    def __init__(
        self,
        classifier: Classifier,
        spotter: Spotter | None = None,
        page_network: PageNetwork | None = None,
        line_reader: Spotter | None = None,
        grey_reader: GreyReader | None = None,
    ) -> None:
        self.classifier = classifier
        self.spotter = spotter or shipped_spotter()
        self.page_network = page_network or shipped_page_network()
        self.line_reader = line_reader or shipped_line_reader()
        self.grey_reader = grey_reader or shipped_grey_reader()

    def read(self, data: bytes, found: Found = _nothing) -> Reading:
        """Read a picture's bytes. Raises UnreadableImage where they are not a picture, or it is too large.

        found: called with the number of connected pieces of ink before they are read.
        """
        page = open_image(data)
        return self.reading_of(self.trace(page, found))

    def read_page(self, page: np.ndarray) -> Reading:
        """Read an upright grey page: uint8 (height, width)."""
        return self.reading_of(self.trace(page))

    def trace(self, page: np.ndarray, found: Found = _nothing) -> Trace:
        """Find the ink on a page and read it.

        If the reading of a photograph is doubtful, the page network sees the page in other views too (test-time
        augmentation), and the text that its readings support most is kept.
        """
        pieces: list[int] = []

        def count(number: int) -> None:
            pieces.append(number)
            found(number)

        first = self._trace_view(page, UNCHANGED, count)
        pieces.append(sum(len(read.pieces) for read in first.lines))
        doubtful = _by_line(self.reading_of(first)) < MIN_FIRST_CONFIDENCE
        if not doubtful or max(pieces) > MAX_PIECES_AGAIN or is_clean(page):
            return first
        traces = [first]
        for view in OTHER_VIEWS:
            with suppress(UnreadableImage):
                traces.append(self._trace_view(page, view, _few_pieces))
        readings = [self.reading_of(trace) for trace in traces]
        best = most_supported([each.text for each in readings], [_by_line(each) for each in readings])
        if readings[best].reason:
            # "Not a number" tells more than what a view did not see.
            return next((each for each in traces if each.reading.reason is Reason.NOT_A_NUMBER), traces[best])
        return replace(traces[best], probability=min(readings[best].confidence, MAX_CONFIDENCE_AGAIN))

    def _trace_view(self, page: np.ndarray, view: View, found: Found) -> Trace:
        """Find the ink on a page in one view and read it.

        Where the page network's handwriting is not all the ink on the page, the page is read from three selections of
        its ink, and the reading that is most probably right is kept: they fail on different pages.
        """
        variants = self.variants(page, found, MIN_UNANIMOUS, view)
        if len(variants) == 1:
            return variants[0]
        written, _, whole = variants
        assert written.seen is not None
        readings = [variant.reading for variant in variants]
        texts, confidences = [each.text for each in readings], [each.confidence for each in readings]
        right = probabilities_right(texts, confidences, written.seen.certainty)
        best = int(right.argmax())
        # "Not a number" tells more than "too faint" or "nothing written", where there are lines.
        nothing = written.reading.reason in (Reason.TOO_FAINT, Reason.NO_INK) and bool(whole.lines)
        if _is_scribble(page, whole, float(right[best])) or (nothing and not right[best]):
            return whole
        if readings[best].reason:
            return variants[best]
        if right[best] < MIN_PROBABILITY ** len(texts[best].split("\n")):
            return replace(variants[best], reading=Reading("", 0.0, (), Reason.NOT_A_NUMBER, page))
        return replace(variants[best], probability=round(float(right[best]), 6))

    def variants(
        self, page: np.ndarray, found: Found = _nothing, unanimous: float = inf, view: View = UNCHANGED
    ) -> list[Trace]:
        """Read a page from its handwriting, from all its ink on paper, and from all its ink.

        Returns three traces, in this order, or one where the ink is the same or the page network is unsure. unanimous:
        confidence from which equal readings of handwriting and of all ink make the one of the ink on paper needless.
        """
        sight = look(page, self.page_network, view)
        trace = partial(self._trace_ink, page, found=found, photographed=sight.seen is not None)
        if sight.seen is None:
            clean = trace(None, sight.plain)
            if clean.ink is None or clean.reading.text:
                return [clean]
            # Print without straight sides, or with gaps in them, may be among the ink.
            sight = look_closely(page, sight.plain, self.page_network, view)
        written, plain, seen = sight.written, sight.plain, sight.seen
        assert seen is not None
        if written is not None and plain is not None and _is_crowded(plain):
            # The grain of a desk, which is not handwriting to the page network.
            plain = None
        if written is not None and plain is not None and are_alike(written, plain):
            return [self._in_rows(page, trace(seen, plain), found)]
        in_all = trace(seen, plain)
        if seen.certainty < MIN_CERTAINTY and in_all.reading.text:
            return [in_all]
        in_hand = self._in_rows(page, trace(seen, written), found)
        least = min(in_hand.reading.confidence, in_all.reading.confidence)
        if in_hand.reading.text == in_all.reading.text and least >= unanimous:
            return [in_hand, in_all, in_all]
        on_paper = sight.on_paper()
        if on_paper is not None and (_is_crowded(on_paper) or (plain is not None and are_alike(on_paper, plain))):
            on_paper = plain
        in_paper = in_all if on_paper is plain else trace(seen, on_paper)
        return [in_hand, in_paper, in_all]

    def _trace_ink(
        self, page: np.ndarray, seen: Page | None, ink: Ink | None, found: Found, photographed: bool
    ) -> Trace:
        lines = self._read_lines(ink, found, page if photographed else None)
        least = MIN_PHOTOGRAPHED if photographed else MIN_CONFIDENCE
        return Trace(seen, ink, lines, _reading(page, seen, lines, least))

    def _in_rows(self, page: np.ndarray, whole: Trace, found: Found) -> Trace:
        """Read unlikely handwriting again, row by row of a table, and return the likelier reading."""
        if whole.seen is None or whole.ink is None or _likelihood(whole) >= MIN_LIKELY:
            return whole
        rows = rows_between(whole.ink, whole.seen)
        if len(rows) < 2 or any(map(_is_crowded, rows)):
            return whole
        lines: list[ReadLine] = []
        for row in rows:
            lines += self._read_lines(row, found, page)[: MAX_LINES - len(lines)]
        by_row = replace(whole, lines=lines, reading=_reading(page, whole.seen, lines, MIN_PHOTOGRAPHED))
        return max(whole, by_row, key=_likelihood)

    def _read_lines(self, ink: Ink | None, found: Found, photograph: np.ndarray | None) -> list[ReadLine]:
        """Find lines and read each: as one digit where the classifier is sure, in pieces otherwise.

        A line that may be one digit is read both as one and in pieces, and the reading of higher confidence is kept.
        photograph: the page, uint8 (height, width), for the grey reader; None where the ink was found without the page
        network.
        Raises UnreadableImage where there are more than MAX_PIECES pieces of ink.
        """
        if ink is None:
            return []
        pieces = _count_pieces(ink)
        if pieces > MAX_PIECES:
            raise _too_many_pieces()
        found(pieces)
        # Line finding would separate the parts of a digit written in several strokes.
        parts = as_one(ink)
        whole = None if parts is None else self._as_one_digit(parts)
        if whole is not None and _is_sure(whole):
            return [whole]
        lines = dict(enumerate(find_lines(ink)[:MAX_LINES]))
        ones = {number: one for number, line in lines.items() if (one := self._as_one_digit(line))}
        rest = {number: line for number, line in lines.items() if number not in ones or not _is_sure(ones[number])}
        read = ones | {
            number: pieced
            for number, pieced in self._by_pieces(rest, ones.keys(), photograph).items()
            if number not in ones or not _is_likelier(ones[number], [pieced])
        }
        in_order = [read[number] for number in sorted(read)]
        return [whole] if whole is not None and _is_likelier(whole, in_order) else in_order

    def _as_one_digit(self, line: Line) -> ReadLine | None:
        """Read a line as one digit, without cuts, which is cheaper. Returns None where it is not one digit."""
        pieces = uncut(line)
        segments = segments_of(line, pieces)
        # Strokes much thinner than they are high can be too faint to frame in a scaled-down line.
        if not segments or segments[0].box[2] > MAX_ASPECT * line.body:
            return None
        probabilities = self.classifier.classify(segments[0].frame[None])
        if probabilities[0].argmax() == NOT_A_DIGIT:
            return None
        return ReadLine(line, pieces, segments, probabilities, best_path(line, pieces, segments, probabilities))

    def _by_pieces(
        self, lines: dict[int, Line], ones: Collection[int], photograph: np.ndarray | None
    ) -> dict[int, ReadLine]:
        """Cut lines, classify their segments in one call, and choose each line's best path.

        ones: lines that may be one digit. The line reader is not used on them: trained on numbers, it finds several
        digits. photograph: see `_read_lines`.
        """
        cuts = {number: cut(line) for number, line in lines.items()}
        # A line of one piece has one path, so the spotter can change nothing.
        spotted = {number: self.spotter.spot(line) for number, line in lines.items() if len(cuts[number]) > 1}
        segments = {
            number: found
            for number, line in lines.items()
            if (found := segments_of(line, cuts[number], spotted.get(number)))
        }
        if not segments:
            return {}
        frames = [np.stack([segment.frame for segment in of_line]) for of_line in segments.values()]
        ends = np.cumsum([len(of_line) for of_line in frames])[:-1]
        answers = np.split(self.classifier.classify(np.concatenate(frames)), ends)
        read = {}
        for number, of_segments, probabilities in zip(segments, frames, answers, strict=True):
            line, pieces, of_line = lines[number], cuts[number], segments[number]
            if len(pieces) <= MAX_SHIFTED_PIECES:
                probabilities = look_again(self.classifier, of_segments, probabilities)
            columns = None
            if photograph is not None:
                columns = self.grey_reader.read(photograph, line)
            elif len(pieces) > 1 and number not in ones:
                columns = self.line_reader.spot(line)
            path = best_path(line, pieces, of_line, probabilities, columns, photograph is not None)
            read[number] = ReadLine(line, pieces, of_line, probabilities, path)
        return read

    def reading_of(self, trace: Trace) -> Reading:
        """Return a trace's reading, with its final confidence and the ink that was ignored."""
        reading = trace.reading
        if reading.reason is not None:
            return reading
        confidence = reading.confidence if trace.probability is None else trace.probability
        ignored = _ignored(trace, reading.page.shape)
        return replace(reading, confidence=confidence, ignored=ignored, masked=trace.seen is not None)


def _by_line(reading: Reading) -> float:
    """Return the geometric mean of the confidence of a reading's lines."""
    return float(reading.confidence ** (1 / (1 + reading.text.count("\n"))))


def _reading(page: np.ndarray, seen: Page | None, lines: list[ReadLine], least: float) -> Reading:
    """Combine a page's lines into one reading. least: the smallest confidence of a number."""
    if not lines:
        return Reading("", 0.0, (), _why_nothing(seen), page)
    found = [read for read in lines if read.path.digits]
    digits = [
        _digit(edge, read.line, number, page.shape) for number, read in enumerate(found) for edge in read.path.digits
    ]
    junk = sum(
        edge.segment.box[2] * edge.segment.box[3] * read.line.scale**2 for read in lines for edge in read.path.others
    )
    confidence = _together(found)
    if not digits or confidence < least ** len(found) or _is_no_number(digits, junk, least):
        none = seen is not None and seen.share(BESIDE) > NO_SHEET
        return Reading("", 0.0, (), Reason.NO_PAPER if none else Reason.NOT_A_NUMBER, page)
    return Reading(_text(digits), round(confidence, 6), tuple(digits), None, page)


def _is_scribble(page: np.ndarray, whole: Trace, right: float) -> bool:
    """Tell whether a page is a scribble, of which a part looks like a number. right: probability that it is one.

    On a clean page all ink is found, so that a number is all of it, but for printed lines.
    """
    if whole.ink is None or whole.reading.reason is not Reason.NOT_A_NUMBER or right >= SURE_FROM:
        return False
    return is_clean(page) and (right < MIN_BESIDE_PRINT or not looks_printed(whole.ink))


MIN_SHARE = 0.004
"""Print or faint writing is given as the reason if it covers more than this share of the page."""


def _why_nothing(seen: Page | None) -> Reason:
    """Tell why a page has no ink to read, by the page network's masks."""
    if seen is None:
        return Reason.NO_INK
    if seen.share(BESIDE) > NO_SHEET:
        return Reason.NO_PAPER
    if float((seen.overview[..., HANDWRITING] > POSSIBLE).mean()) > MIN_SHARE:
        return Reason.TOO_FAINT
    return Reason.ONLY_PRINT if seen.share(PRINT) > MIN_SHARE else Reason.NO_INK


def _is_crowded(ink: Ink) -> bool:
    return _count_pieces(ink) > MAX_PIECES


def _count_pieces(ink: Ink) -> int:
    return int(np.count_nonzero(ink.components[1][1:, cv2.CC_STAT_AREA] >= GRAIN))


def _is_sure(one: ReadLine) -> bool:
    return bool(one.probabilities.max() >= SURE)


def _is_likelier(one: ReadLine, lines: list[ReadLine]) -> bool:
    """Tell whether one digit is more probable than the lines: an open 4 against 11, a broken 3 against two lines.

    If the lines give one digit too, theirs is kept: it was read more closely.
    """
    digits = sum(len(read.path.digits) for read in lines)
    return digits != 1 and one.path.confidence > _together(lines)


def _likelihood(trace: Trace) -> float:
    """Return the average confidence of a trace's lines, a geometric mean; 0.0 without a text."""
    if not trace.reading.text:
        return 0.0
    found = [read for read in trace.lines if read.path.digits]
    return float(_together(found) ** (1 / len(found)))


def _together(lines: list[ReadLine]) -> float:
    return prod(read.path.confidence for read in lines)


def _ignored(trace: Trace, shape: tuple[int, ...]) -> tuple[Ignored, ...]:
    if trace.ink is None:
        return ()
    found = beside_lines(trace.ink, [read.line for read in trace.lines])
    for read in trace.lines:
        for edge in read.path.others:
            box = _box(edge, read.line, shape)
            kind = kind_of(box.width, box.height, read.line.body * read.line.scale)
            found.append(Ignored(kind, (box.x, box.y, box.width, box.height)))
    return tuple(found[:MAX_IGNORED])


def _box(edge: Edge, line: Line, shape: tuple[int, ...]) -> Box:
    x, y, width, height = edge.segment.box
    corners = [line.to_page(across, down) for across in (x, x + width) for down in (y, y + height)]
    across, down = zip(*corners, strict=True)
    left, top = max(0, round(min(across))), max(0, round(min(down)))
    right, bottom = round(max(across)), round(max(down))
    return Box(left, top, min(max(1, right - left), shape[1] - left), min(max(1, bottom - top), shape[0] - top))


def _digit(edge: Edge, line: Line, number: int, shape: tuple[int, ...]) -> Digit:
    box = _box(edge, line, shape)
    p = tuple(round(v, 6) for v in edge.probabilities[:NOT_A_DIGIT].tolist())
    return Digit(edge.label, p[edge.label], box, p, edge.segment.frame, number)


def _is_no_number(digits: list[Digit], junk: float, least: float) -> bool:
    inked = sum(digit.box.width * digit.box.height for digit in digits)
    typical = exp(fmean(log(max(digit.confidence, 1e-6)) for digit in digits))
    return junk > 1.5 * inked or typical < least


def _text(digits: list[Digit]) -> str:
    lines: dict[int, str] = {}
    for digit in digits:
        lines[digit.line] = lines.get(digit.line, "") + str(digit.label)
    return "\n".join(lines.values())
