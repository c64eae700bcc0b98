"""Ink on the page that is part of no digit."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import cv2
import numpy as np

from .ink import Ink
from .lines import Line

MAX_IGNORED = 20
"""Marks listed for one page. A printed page has too many to be useful."""

SMALL = 0.4
"""Ink lower than this share of the digits' height is a point, or a dash if it is wide. Higher ink is a letter."""

FLAT = 1.8
"""Smallest width of a dash over its height."""

SPECK = 0.06
"""Ink smaller than this share of the digits' height is grain and is not listed."""


class Kind(StrEnum):
    """Kind of an ignored mark."""

    POINT = "point"
    DASH = "dash"
    LETTER = "letter"
    PRINT = "print"


@dataclass(frozen=True)
class Ignored:
    """An ignored mark, with its x, y, width and height on the upright page."""

    kind: Kind
    box: tuple[int, int, int, int]

    def as_json(self) -> dict[str, Any]:
        return {"kind": self.kind.value, "box": list(self.box)}


def kind_of(width: float, height: float, body: float) -> Kind:
    """Classify a mark by its size, beside digits `body` tall."""
    if height < SMALL * body:
        return Kind.DASH if width >= FLAT * height and width > 0.2 * body else Kind.POINT
    # A line drawn under a number, or through its lower end.
    return Kind.DASH if width >= 4 * height else Kind.LETTER


def beside_lines(ink: Ink, lines: list[Line]) -> list[Ignored]:
    """List the connected pieces of ink in no line: points, commas and dashes that line finding dropped."""
    labels, stats = ink.components
    if len(stats) <= 2 or not lines:
        return []
    body = max(line.body * line.scale for line in lines) / ink.scale
    covered = np.bincount(labels.ravel(), _line_mask(ink, lines).ravel(), len(stats))
    found = []
    for label in 1 + np.argsort(-stats[1:, cv2.CC_STAT_AREA], kind="stable"):
        left, top, width, height, area = (int(value) for value in stats[label])
        if covered[label] < 0.5 * area and max(width, height) >= SPECK * body:
            corner = round(ink.x + left * ink.scale), round(ink.y + top * ink.scale)
            size = max(1, round(width * ink.scale)), max(1, round(height * ink.scale))
            found.append(Ignored(kind_of(width, height, body), (*corner, *size)))
    return found[:MAX_IGNORED]


def _line_mask(ink: Ink, lines: list[Line]) -> np.ndarray:
    """Return a mask of the ink inside lines: uint8 (h, w)."""
    height, width = ink.mask.shape
    inside_lines = np.zeros((height, width), np.uint8)
    for line in lines:
        down, across = np.nonzero(line.strength > 0)
        x, y = line.to_page(across + 0.5, down + 0.5)
        rows, columns = ((y - ink.y) / ink.scale).astype(int), ((x - ink.x) / ink.scale).astype(int)
        inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        inside_lines[rows[inside], columns[inside]] = 1
    if any(line.scale > ink.scale or line.angle for line in lines):
        # A pixel of a scaled-down line covers several of the page; a rotated line misses some.
        cv2.dilate(inside_lines, np.ones((3, 3), np.uint8), dst=inside_lines)
    return inside_lines
