"""Synthetic photographs of pages, with the class of each pixel.

A sheet is written and printed on at twice the picture's size, laid on a background in perspective, lit, and
photographed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import cv2
import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from recognizer.reading.page import BESIDE, HANDWRITING, PAPER, PRINT

from . import desks
from .numbers import Hands, manner_of, styled_strokes
from .pen import LEARNING, digits_of
from .rows import waves
from .strokes import draw_digit

FINER = 2
"""Pixels of the sheet for one of the picture, along each side."""

VISIBLE = 50
"""Coverage, of 255, from which a pixel is handwriting or print."""

STRAIGHT = np.array([0.07, 0.18, 0.08, 0.07, 0.14, 0.08, 0.07, 0.17, 0.07, 0.07])
"""Probability of each digit."""

FONTS = ("DejaVuSans", "DejaVuSerif", "DejaVuSans-Bold", "STIXGeneral", "DejaVuSansMono")
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class Scene:
    """A photographed page, uint8 (h, w); the class of each pixel, uint8 (h, w); and its numbers, one a line."""

    page: np.ndarray
    classes: np.ndarray
    text: str


@dataclass(frozen=True)
class Sources:
    """The sources of a page: images uint8 (n, 28, 28) and labels (n,) of MNIST, writers of pen strokes, backgrounds.

    hands: the writers' digits, to vary how they are written; None outside training.
    """

    images: np.ndarray
    labels: np.ndarray
    writers: range = LEARNING
    desks: tuple[str, ...] = desks.TRAINING
    hands: Hands | None = None


@dataclass
class Sheet:
    """A sheet's layers, uint8 (h, w): darkness of ink and of print, and coverage by handwriting."""

    ink: np.ndarray
    written: np.ndarray
    print: np.ndarray
    lines: list[str] = field(default_factory=list)

    @classmethod
    def blank(cls, height: int, width: int) -> "Sheet":
        ink, written, print_ = np.zeros((3, height, width), np.uint8)
        return cls(ink, written, print_)

    def part(self, inside: tuple[slice, slice]) -> "Sheet":
        """Crop a part, which shares its pixels and has the same lines."""
        return Sheet(self.ink[inside], self.written[inside], self.print[inside], self.lines)

    def with_margins(self, above: int, right: int, below: int, left: int) -> "Sheet":
        """Add blank pixels at each side."""
        layers = [
            cv2.copyMakeBorder(layer, above, below, left, right, cv2.BORDER_CONSTANT, value=0)
            for layer in (self.ink, self.written, self.print)
        ]
        return Sheet(layers[0], layers[1], layers[2], self.lines)


class Hand:
    """One writer with one pen: digits of one source, of one darkness, nib and steadiness.

    kind: pencil, ballpoint or marker. nib: share of a digit's height. Pencil is grainy and pale, ballpoints skip.
    """

    def __init__(
        self, sources: Sources, rng: np.random.Generator, kind: str | None = None, source: str | None = None
    ) -> None:
        self.rng = rng
        self.sources = sources
        self.kind = kind or str(rng.choice(["pencil", "ballpoint", "marker"], p=[0.3, 0.42, 0.28]))
        self.source = source or str(rng.choice(["pen", "school", "mnist"], p=[0.62, 0.13, 0.25]))
        self.writer = int(rng.choice(sources.writers))
        dark, nib = {"pencil": ((30, 130), (0.03, 0.09)), "ballpoint": ((75, 225), (0.02, 0.09))}.get(
            self.kind, ((140, 245), (0.06, 0.17))
        )
        self.dark = float(rng.uniform(*dark))
        self.nib = float(rng.uniform(*nib))
        if self.kind != "marker" and rng.random() < 0.15:
            self.nib = float(rng.uniform(0.008, nib[0]))
        self.uneven = float(rng.uniform(0, {"pencil": 0.6, "ballpoint": 0.6}.get(self.kind, 0.15)))
        self.slant = float(rng.normal(0, 0.1))
        if sources.hands is not None:
            self.manner = replace(manner_of(sources.hands, rng), writer=self.writer, varied=True)

    def write(self, sheet: Sheet, label: int, x: float, bottom: float, height: float) -> float:
        """Write a digit with its lower left corner at (x, bottom) and return its width."""
        height *= float(np.exp(self.rng.normal(0, 0.06)))
        if self.source == "pen":
            return self._stroke(sheet, self._pen_strokes(label), x, bottom, height)
        if self.source == "school":
            bitmap = draw_digit(label, max(12, round(height)), self.rng, self.nib)
        else:
            which = np.flatnonzero(self.sources.labels == label)
            bitmap = self.sources.images[int(self.rng.choice(which))].astype(np.float32) / 255
        left, top, width, tall = cv2.boundingRect((bitmap > 0.2).astype(np.uint8))
        bitmap = bitmap[top : top + tall, left : left + width]
        size = max(1, round(width * height / tall)), max(1, round(height))
        how = cv2.INTER_AREA if size[1] < tall else cv2.INTER_CUBIC
        shape = np.clip(cv2.resize(bitmap, size, interpolation=how), 0, 1)
        if height > 50:
            shape = np.clip((shape - 0.35) / 0.3, 0, 1)
        _lay(sheet.written, np.round(255 * shape).astype(np.uint8), x, bottom - size[1])
        _lay(sheet.ink, np.round(self.dark * shape).astype(np.uint8), x, bottom - size[1])
        return float(size[0])

    def _pen_strokes(self, label: int) -> Sequence[np.ndarray]:
        if self.sources.hands is not None:
            return styled_strokes(self.sources.hands, label, self.manner, self.rng)
        choice = digits_of(self.writer)[label]
        return choice[int(self.rng.integers(len(choice)))].strokes

    def _stroke(self, sheet: Sheet, strokes: Sequence[np.ndarray], x: float, bottom: float, height: float) -> float:
        scale = height / max(float(max(s[:, 1].max() for s in strokes)), 0.4)
        nib = max(1, round(self.nib * height))
        corner = np.array([x, bottom - height], np.float32)
        right = x
        for stroke in strokes:
            points = stroke * scale
            points[:, 0] -= self.slant * (points[:, 1] - height / 2)
            points = points + corner
            right = max(right, float(points[:, 0].max()))
            fixed = np.round(points * 16).astype(np.int32)
            if len(fixed) == 1:
                fixed = np.repeat(fixed, 2, axis=0)
            cv2.polylines(sheet.written, [fixed], False, 255, nib, cv2.LINE_AA, 4)
            if self.uneven < 0.1:
                cv2.polylines(sheet.ink, [fixed], False, self.dark, nib, cv2.LINE_AA, 4)
                continue
            step = max(3, len(fixed) // 8)
            for start in range(0, len(fixed) - 1, step):
                pressed = 1 - self.uneven * float(self.rng.random()) ** 1.5
                piece = fixed[start : start + step + 1]
                cv2.polylines(sheet.ink, [piece], False, self.dark * pressed, nib, cv2.LINE_AA, 4)
        return right - x

    def write_number(self, sheet: Sheet, text: str, x: float, bottom: float, height: float, gap: float) -> float:
        """Write digits in a row and return where they end. gap: space between them, in digit heights."""
        for label in text:
            x += self.write(sheet, int(label), x, bottom + height * float(self.rng.normal(0, 0.04)), height)
            x += height * (gap + abs(float(self.rng.normal(0, 0.06))))
        return x

    def mark(self, sheet: Sheet, x: float, y: float, height: float) -> None:
        """Draw a point, a comma, a dash or a tick."""
        ends = height * self.rng.uniform(-0.35, 0.35, (3, 2)) * self.rng.choice([0.05, 0.5, 1])
        points = np.round((np.array([x, y]) + np.cumsum(ends, axis=0)) * 16).astype(np.int32)
        nib = max(1, round(self.nib * height))
        cv2.polylines(sheet.written, [points], False, 255, nib, cv2.LINE_AA, 4)
        cv2.polylines(sheet.ink, [points], False, self.dark, nib, cv2.LINE_AA, 4)


def _lay(layer: np.ndarray, shape: np.ndarray, x: float, y: float) -> None:
    left, top = round(x), round(y)
    skip_x, skip_y = max(0, -left), max(0, -top)
    left, top = max(0, left), max(0, top)
    shape = shape[skip_y:, skip_x:]
    place = layer[top : top + shape.shape[0], left : left + shape.shape[1]]
    if place.size:
        np.maximum(place, shape[: place.shape[0], : place.shape[1]], out=place)


def _number(rng: np.random.Generator, longest: int) -> str:
    """Choose the digits of a number. Those that look like printed lines come more often."""
    digits = rng.choice(10, int(rng.integers(1, longest + 1)), p=STRAIGHT)
    return "".join(str(digit) for digit in digits)


def _line(layer: np.ndarray, ends: tuple[float, float, float, float], tone: float, thick: int) -> None:
    x0, y0, x1, y1 = (round(16 * v) for v in ends)
    cv2.line(layer, (x0, y0), (x1, y1), tone, thick, cv2.LINE_AA, 4)


def ruled(sheet: Sheet, rng: np.random.Generator, pitch: float, squared: bool) -> float:
    """Print ruled lines or squares with a spacing in pixels, and return the row of the first line."""
    height, width = sheet.print.shape
    tone, thick = float(rng.uniform(14, 150)), int(rng.choice([1, 1, 2, 3]))
    first = float(rng.uniform(0, pitch))
    for y in np.arange(first, height, pitch):
        _line(sheet.print, (0, y, width, y), tone, thick)
    if squared:
        for x in np.arange(float(rng.uniform(0, pitch)), width, pitch):
            _line(sheet.print, (x, 0, x, height), tone, thick)
    elif rng.random() < 0.3:
        x = float(rng.uniform(0, width))
        _line(sheet.print, (x, 0, x, height), tone, thick)
    return first


def rows(sheet: Sheet, hand: Hand, rng: np.random.Generator, body: float, pitch: float, first: float) -> None:
    """Write lines of numbers, `pitch` apart, between the sheet's middle half."""
    height, width = sheet.ink.shape
    lines = int(rng.integers(1, max(2, min(7, int(0.9 * height / pitch)))))
    y = first + pitch * max(1, round((height * rng.uniform(0.2, 0.5) - first) / pitch))
    for _ in range(lines):
        if y > height - 2:
            break
        x = float(width * rng.uniform(0.05, 0.4))
        room = max(1, int((width * 0.95 - x) / (0.85 * body)))
        text = _number(rng, min(room, 8))
        end = hand.write_number(sheet, text, x, y - body * rng.uniform(0, 0.12), body, float(rng.uniform(-0.02, 0.3)))
        sheet.lines.append(text)
        if rng.random() < 0.12:
            hand.mark(sheet, end + body * 0.2, y - body * rng.uniform(0, 0.6), body)
        y += pitch * (1 if rng.random() < 0.8 else 2)


def close_up(sheet: Sheet, hand: Hand, rng: np.random.Generator) -> None:
    """Write one to three large digits."""
    height, width = sheet.ink.shape
    count = int(rng.choice([1, 1, 1, 2, 3]))
    body = min(height * rng.uniform(0.25, 0.95), width * rng.uniform(0.6, 1.1) / count)
    text = "".join(str(d) for d in rng.integers(0, 10, count))
    x = max(2.0, width * rng.uniform(0.02, 0.5) - 0.25 * body * (count - 1))
    bottom = body + (height - body) * rng.uniform(0.05, 0.95)
    hand.write_number(sheet, text, x, bottom, body, 0.15)
    sheet.lines.append(text)


def form(sheet: Sheet, hand: Hand, rng: np.random.Generator, box: float) -> None:
    """Print fields of boxes, combs, table cells or underlines below one another, and fill most of them."""
    height, width = sheet.print.shape
    y = float(rng.uniform(0.02, 0.3) * height)
    while True:
        kind = str(rng.choice(["boxes", "comb", "cell", "table", "underline"]))
        tall = box * float(rng.uniform(0.9, 1.5))
        if y + tall > height - 2 and sheet.lines:
            break
        x = float(width * rng.uniform(0.0, 0.3))
        if rng.random() < 0.5:
            size = max(8, round(tall * rng.uniform(0.25, 0.5)))
            x += print_word(sheet, rng, x, y + tall * 0.3, size) + size
        field_of(sheet, hand, rng, kind, x, y, box, tall)
        y += tall * float(rng.uniform(1.0, 2.2)) if kind != "table" else tall * 4
        if y > height or rng.random() < 0.12:
            break


def field_of(
    sheet: Sheet, hand: Hand, rng: np.random.Generator, kind: str, x: float, y: float, wide: float, tall: float
) -> None:
    """Print one field with its corner at (x, y) and a cell size, and write a number into it."""
    room = int((sheet.print.shape[1] - x - 2) / wide)
    count = int(np.clip(rng.integers(1, 9), 1, max(1, room)))
    tone, thick = float(rng.uniform(40, 235)), int(rng.choice([1, 2, 2, 3, 4, 5, 8, 12]))
    thick = min(thick, max(1, round(0.09 * tall)))
    grown = float(rng.uniform(0.55, 1.2 if rng.random() < 0.25 else 0.9))
    nudge = rng.normal(0, 0.08, 2) * (wide, tall)

    def fill(left: float, top: float, text: str, each: float) -> None:
        body = grown * min(tall, 1.35 * each)
        for place, label in enumerate(text):
            bottom = top + (tall + body) / 2 + nudge[1] + tall * float(rng.normal(0, 0.03))
            middle = left + each * (place + 0.5) + nudge[0] + each * float(rng.normal(0, 0.06))
            hand.write(sheet, int(label), middle - 0.3 * body, bottom, body)

    match kind:
        case "boxes":
            gap = wide * float(rng.uniform(0.05, 0.5))
            count = int(np.clip(room * wide / (wide + gap), 1, count))
            for place in range(count):
                left = x + place * (wide + gap)
                _box(sheet.print, left, y, wide, tall, tone, thick)
            text = _number(rng, count)
            for place, label in enumerate(text):
                fill(x + place * (wide + gap), y, label, wide)
            sheet.lines.append(text)
        case "comb":
            _box(sheet.print, x, y, wide * count, tall, tone, thick)
            short = tall * float(rng.choice([0.0, 0.0, 0.5, 0.7]))
            for place in range(1, count):
                _line(sheet.print, (x + place * wide, y + short, x + place * wide, y + tall), tone, thick)
            text = _number(rng, count)
            fill(x, y, text, wide)
            sheet.lines.append(text)
        case "cell":
            _box(sheet.print, x, y, wide * count, tall, tone, thick)
            text = _number(rng, max(1, count - 1))
            fill(x + 0.2 * wide, y, text, 0.85 * wide)
            sheet.lines.append(text)
        case "table":
            columns, cell = max(1, count // 2), 2 * wide
            for row in range(4):
                for column in range(columns):
                    _box(sheet.print, x + column * cell, y + row * tall, cell, tall, tone, thick)
                texts = [_number(rng, 2) for _ in range(columns) if rng.random() < 0.8]
                for column, text in enumerate(texts):
                    fill(x + column * cell + 0.15 * wide, y + row * tall, text, 0.8 * wide)
                if texts:
                    sheet.lines.append("".join(texts))
        case "underline":
            # A shorter one could be the foot of a 2.
            _line(sheet.print, (x, y + tall, x + wide * max(3, count), y + tall), tone, thick)
            text = _number(rng, count)
            fill(x, y, text, 0.85 * wide)
            sheet.lines.append(text)


def _box(layer: np.ndarray, x: float, y: float, wide: float, tall: float, tone: float, thick: int) -> None:
    left, top, right, bottom = round(x), round(y), round(x + wide), round(y + tall)
    cv2.rectangle(layer, (left, top), (right, bottom), tone, thick)


@lru_cache(maxsize=64)
def _font(name: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{name}.ttf"), size)


def print_word(sheet: Sheet, rng: np.random.Generator, x: float, y: float, size: int) -> float:
    """Print a word with its corner at (x, y) and return its width."""
    word = "".join(rng.choice(list(LETTERS), int(rng.integers(2, 10))))
    font = _font(str(rng.choice(FONTS)), min(60, 2 * (size // 2)))
    _, _, right, bottom = font.getbbox(word)
    image = Image.new("L", (int(right) + 2, int(bottom) + 2), 0)
    ImageDraw.Draw(image).text((0, 0), word, fill=int(rng.uniform(60, 235)), font=font)
    _lay(sheet.print, np.asarray(image), x, y)
    return float(right)


def printed(sheet: Sheet, rng: np.random.Generator, size: int) -> None:
    """Print a few lines of words somewhere."""
    height, width = sheet.print.shape
    y, left = float(rng.uniform(0, 0.9) * height), float(rng.uniform(0, 0.6) * width)
    for _ in range(int(rng.integers(1, 5))):
        x = left
        for _ in range(int(rng.integers(1, 6))):
            if x < width and y < height:
                x += print_word(sheet, rng, x, y, size) + 0.4 * size
        y += 1.4 * size


def waved(sheet: Sheet, rng: np.random.Generator) -> None:
    """Print a cheque's guilloche: one to three layers of fine parallel lines, straight, wavy or round."""
    height, width = sheet.print.shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / FINER
    for _ in range(int(rng.integers(1, 4))):
        tone = rng.uniform(8, 60)
        np.maximum(sheet.print, (tone * waves(x, y, rng)).astype(np.uint8), out=sheet.print)


def write_sheet(sources: Sources, height: int, width: int, rng: np.random.Generator) -> Sheet:
    """Write and print on a blank sheet: height and width in the sheet's pixels."""
    sheet = Sheet.blank(height, width)
    hand = Hand(sources, rng)
    kind = str(rng.choice(["close", "rows", "form", "print", "none"], p=[0.24, 0.33, 0.33, 0.05, 0.05]))
    body = float(np.exp(rng.uniform(np.log(18), np.log(150))))
    body = min(body, height * float(rng.uniform(0.3, 0.75)))
    if kind in ("close", "rows"):
        pitch = body * float(rng.uniform(1.15, 2.2))
        first, paper = float(rng.uniform(0, pitch)), rng.random()
        if paper < 0.42:
            scale = pitch if rng.random() < 0.6 else float(rng.uniform(14, 90))
            first = ruled(sheet, rng, scale, bool(paper < 0.21))
        elif paper < 0.7:
            waved(sheet, rng)
        if kind == "close":
            close_up(sheet, hand, rng)
        else:
            rows(sheet, hand, rng, body, pitch, first)
    elif kind == "form":
        form(sheet, hand, rng, body * float(rng.uniform(0.9, 1.3)))
    elif rng.random() < 0.5:
        ruled(sheet, rng, float(rng.uniform(20, 90)), bool(rng.random() < 0.5))
    if kind == "print" or rng.random() < 0.25:
        printed(sheet, rng, int(np.clip(body * rng.uniform(0.2, 0.7), 10, 50)))
    if hand.kind == "pencil" or rng.random() < 0.2:
        grain = 1 + rng.uniform(0.1, 0.5) * desks.noise(height, width, rng, rng.uniform(1.2, 3))
        sheet.ink = np.clip(sheet.ink * grain, 0, 255).astype(np.uint8)
    return sheet


def place(height: int, width: int, rng: np.random.Generator, kind: str) -> np.ndarray:
    """Choose where a sheet's corners lie in a picture: float32 (4, 2), from the upper left one clockwise.

    kind: "full" covers the picture, "strip" leaves a strip or a corner of desk, "sheet" lies on a desk.
    """
    middle = np.array([width / 2, height / 2])
    half = middle * 1.0
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float64)
    turn = np.deg2rad(np.clip(rng.normal(0, 5), -16, 16)) if rng.random() < 0.75 else 0.0
    shift = np.zeros(2)
    match kind:
        case "full":
            size = rng.uniform(1.12, 1.35) + 0.9 * abs(np.sin(turn))
        case "strip":
            size = 1.2 + 0.9 * abs(np.sin(turn))
            side = rng.choice([-1, 0, 1], 2)
            side = side if side.any() else np.array([1, 0])
            shift = side * (size - 1 + rng.uniform(0.04, 0.5, 2)) * half
        case _:
            size = rng.uniform(0.5, 0.97)
            shift = rng.uniform(-0.25, 0.25, 2) * half
            turn *= 1.5
    spread = corners * half * size * rng.uniform(0.85, 1.1, 2) if kind == "sheet" else corners * half * size
    spread = spread * (1 + rng.normal(0, 0.035, (4, 2)))
    cos, sin = np.cos(turn), np.sin(turn)
    return np.asarray(spread @ np.array([[cos, sin], [-sin, cos]]) + middle + shift, np.float32)


def photograph(
    sheet: Sheet,
    sources: Sources,
    corners: np.ndarray,
    size: tuple[int, int],
    rng: np.random.Generator,
    strain: float = 1.0,
) -> Scene:
    """Lay a sheet on a background, light it, and take a picture.

    corners: of the sheet, float32 (4, 2), in its own fine pixels, clockwise from the upper left. size: height and width
    of the picture. strain: how badly the picture is lit and taken, from 0.0 to 1.0; below 1.0 nothing covers the
    writing.
    """
    height, width = size
    tall, wide = FINER * height, FINER * width
    rows_, columns = sheet.ink.shape
    own = np.array([[0, 0], [columns, 0], [columns, rows_], [0, rows_]], np.float32)
    lay = cv2.getPerspectiveTransform(own, corners)

    def seen(layer: np.ndarray) -> np.ndarray:
        laid = cv2.warpPerspective(layer, lay, (wide, tall), flags=cv2.INTER_LINEAR)
        return cv2.resize(laid, (width, height), interpolation=cv2.INTER_AREA)

    ink, written, print_ = seen(sheet.ink), seen(sheet.written), seen(sheet.print)
    covered = np.zeros((height, width), np.uint8)
    outline = np.round(corners / FINER * 16).astype(np.int32)
    cv2.fillConvexPoly(covered, outline, 255, cv2.LINE_AA, 4)
    classes = np.full((height, width), PAPER, np.uint8)
    classes[print_ > 10] = PRINT
    classes[written > VISIBLE] = HANDWRITING
    page = np.float32(rng.uniform(0.5, 1)) * (1 - ink / np.float32(255)) * (1 - print_ / np.float32(255))
    if rng.random() < 0.6:
        page *= 1 + strain * rng.uniform(0.005, 0.05) * desks.fractal(height, width, rng, rng.uniform(2, 40), 3)
    if rng.random() < 0.25:
        _fold(page, rng)
    if covered.min() < 255:
        below = desks.desk(str(rng.choice(sources.desks)), height, width, rng)
        if rng.random() < 0.6:
            below *= _shadow_of(covered, rng)
        share = covered / np.float32(255)
        page = share * page + (1 - share) * below
        classes[covered < 128] = BESIDE
    if strain == 1 and rng.random() < 0.1:
        _border(page, classes, rng)
    if strain == 1 and rng.random() < 0.06:
        _thumb(page, classes, rng)
    if strain < 1:
        page *= 0.9
    page = _lit(page, rng, strain)
    return Scene(_taken(page, rng, strain), classes, "\n".join(sheet.lines))


def _shadow_of(covered: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Make the shadow of a sheet on the background: float32 (h, w), 1.0 without shadow."""
    far = np.array([[1, 0, rng.normal(0, 4)], [0, 1, rng.normal(0, 4)]], np.float32)
    shade = cv2.warpAffine(covered, far, covered.shape[::-1]).astype(np.float32) / 255
    return np.asarray(1 - rng.uniform(0.1, 0.6) * cv2.GaussianBlur(shade, (0, 0), rng.uniform(1, 6)), np.float32)


def _fold(page: np.ndarray, rng: np.random.Generator) -> None:
    """Fold the sheet: one side is lighter, the crease darker or lighter."""
    height, width = page.shape
    angle = rng.choice([0, np.pi / 2]) + rng.normal(0, 0.06)
    y, x = np.ogrid[0:height, 0:width]
    away = (x - rng.uniform(0.1, 0.9) * width) * np.cos(angle) + (y - rng.uniform(0.1, 0.9) * height) * np.sin(angle)
    away = away.astype(np.float32)
    page *= 1 + rng.normal(0, 0.04) * np.tanh(away / 3) + rng.normal(0, 0.1) * np.exp(-np.abs(away) / rng.uniform(1, 8))


def _border(page: np.ndarray, classes: np.ndarray, rng: np.random.Generator) -> None:
    """Show a scanner's lid, black or white, along one to four sides."""
    height, width = page.shape
    tone = rng.choice([0.0, 0.03, 0.1, 1.0])
    for side in rng.permutation(4)[: int(rng.integers(1, 5))]:
        deep = max(1, int(rng.uniform(0.005, 0.12) * (height, width)[side % 2]))
        strip = (np.s_[:deep], np.s_[:, :deep], np.s_[-deep:], np.s_[:, -deep:])[side]
        page[strip] = tone
        classes[strip] = BESIDE


def _thumb(page: np.ndarray, classes: np.ndarray, rng: np.random.Generator) -> None:
    """Show a thumb that holds the sheet from one side."""
    height, width = page.shape
    size = rng.uniform(0.1, 0.25) * min(height, width)
    along = rng.uniform(0, 1)
    x, y = ((along * width, height), (0, along * height), (width, along * height))[int(rng.integers(3))]
    box = (float(x), float(y)), (float(size), float(size * rng.uniform(1.5, 3))), float(rng.uniform(0, 180))
    shape = np.zeros((height, width), np.uint8)
    cv2.ellipse(shape, box, 255, -1, cv2.LINE_AA)
    soft = cv2.GaussianBlur(shape, (0, 0), rng.uniform(0.6, 2)).astype(np.float32) / 255
    skin = rng.uniform(0.25, 0.75) * (1 + 0.1 * desks.noise(height, width, rng, size / 3))
    page += soft * (skin - page)
    classes[shape > 127] = BESIDE


def _lit(page: np.ndarray, rng: np.random.Generator, strain: float) -> np.ndarray:
    """Light a picture unevenly: a lamp to one side, a vignette, the photographer's shadow."""
    height, width = page.shape
    light = np.ones((height, width), np.float32)
    if rng.random() < 0.8:
        slope = strain * rng.normal(0, 0.16, 2)
        y, x = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
        light = (light + slope[0] * x + slope[1] * y - strain * abs(rng.normal(0, 0.1)) * (x * x + y * y)).astype(
            np.float32
        )
    if rng.random() < 0.35:
        shade = np.zeros((height, width), np.uint8)
        points = rng.uniform(-0.5, 1.5, (int(rng.integers(3, 6)), 2)) * (width, height)
        cv2.fillConvexPoly(shade, cv2.convexHull(points.astype(np.float32)).astype(np.int32), 255)
        soft = cv2.GaussianBlur(shade, (0, 0), rng.uniform(1, 0.12 * min(height, width))).astype(np.float32) / 255
        light *= 1 - strain * rng.uniform(0.1, 0.6) * soft
    if rng.random() < 0.3:
        light *= 1 + strain * 0.12 * desks.noise(height, width, rng, max(height, width) / 3)
    return np.asarray(page * np.clip(light, 0.15, 2), np.float32)


def _taken(page: np.ndarray, rng: np.random.Generator, strain: float) -> np.ndarray:
    """Take the picture: focus, exposure, grain, JPEG. Returns uint8 (h, w)."""
    if rng.random() < 0.7:
        page = cv2.GaussianBlur(page, (0, 0), float(np.exp(rng.uniform(np.log(0.3), np.log(0.4 + 1.2 * strain)))))
    if strain == 1 and rng.random() < 0.1:
        # A small picture, or a part of one, enlarged.
        size = page.shape[::-1]
        small = cv2.resize(page, None, fx=1 / (few := rng.uniform(1.5, 4)), fy=1 / few, interpolation=cv2.INTER_AREA)
        page = cv2.resize(small, size, interpolation=cv2.INTER_CUBIC)
    page = np.clip(page, 0, 1.1) ** np.float32(np.exp(strain * rng.normal(0, 0.2)))
    if rng.random() < 0.8:
        sigma = strain * rng.uniform(0.002, 0.04) * (0.3 if rng.random() < 0.5 else 1)
        page = page + np.float32(sigma) * rng.standard_normal(page.shape, np.float32)
    if strain == 1 and rng.random() < 0.08:
        page = 1 - page
    taken = np.clip(255 * page, 0, 255).astype(np.uint8)
    if rng.random() < 0.6:
        _, encoded = cv2.imencode(".jpg", taken, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 95))])
        taken = cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE)
    return np.asarray(taken, np.uint8)


def make_scene(sources: Sources, height: int, width: int, rng: np.random.Generator) -> Scene:
    """Make one photographed page of height x width pixels."""
    kind = str(rng.choice(["full", "strip", "sheet"], p=[0.55, 0.2, 0.25]))
    stretch = {"full": 1.2, "strip": 1.2, "sheet": 0.85}[kind]
    sheet = write_sheet(sources, round(FINER * height * stretch), round(FINER * width * stretch), rng)
    corners = place(FINER * height, FINER * width, rng, kind)
    return photograph(sheet, sources, corners, (height, width), rng)
