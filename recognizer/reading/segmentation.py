"""Ink -> lines, and each line -> pieces between seams that run through as little ink as they can."""

from dataclasses import dataclass
from functools import reduce
from statistics import median

import cv2
import numpy as np

from .ink import Ink

LINE_HEIGHT = 56
"""Digits taller than this, in pixels, are reduced to it before they are cut."""

SPECK = 0.08
"""Pieces of ink smaller than this share of the digits' height are grain."""

MOST_BLOBS = 600
"""The largest connected pieces of ink on a page; what is left out then is grain, not writing."""

MOST_PARTS = 4
"""Pieces of ink that one digit may be written in."""


@dataclass(frozen=True)
class Line:
    """One line of writing, cut out of the page.

    strength: float32 (h, w). x, y: its corner, and scale: page pixels per pixel, on the upright page.
    body: height of its digits, and middle: row half-way down them, in its own pixels.
    """

    strength: np.ndarray
    x: float
    y: float
    scale: float
    body: float
    middle: float


@dataclass(frozen=True)
class Pieces:
    """A line's ink between seams: columns[i] (int, h rows) is where seam i runs; costs[i] the ink it cuts.

    Piece i lies between seams i and i + 1; the first and the last seam are the line's ends.
    """

    columns: np.ndarray
    costs: np.ndarray

    def __len__(self) -> int:
        return len(self.costs) - 1


@dataclass(frozen=True)
class _Blob:
    """Ink that hangs together, or parts of one digit that nearly do."""

    labels: tuple[int, ...]
    x: int
    y: int
    width: int
    height: int
    area: int

    @property
    def right(self) -> int:
        return self.x + self.width

    @property
    def bottom(self) -> int:
        return self.y + self.height

    def joined_with(self, other: "_Blob") -> "_Blob":
        x, y = min(self.x, other.x), min(self.y, other.y)
        width, height = max(self.right, other.right) - x, max(self.bottom, other.bottom) - y
        return _Blob(self.labels + other.labels, x, y, width, height, self.area + other.area)


def find_lines(ink: Ink) -> list[Line]:
    """Group the ink into lines of writing, top to bottom, dropping specks, dots, commas and dashes."""
    labels, blobs = _blobs(ink)
    if not blobs:
        return []
    blobs = _mended(blobs)
    body = _typical_height(blobs)
    tall = [blob for blob in blobs if blob.height >= 0.4 * body]
    small = [blob for blob in blobs if blob.height < 0.4 * body]
    rows = _rows(tall)
    lines = []
    for row in sorted(rows, key=lambda row: float(np.mean([b.y + b.height / 2 for b in row]))):
        members = row + [blob for blob in small if _belongs(blob, row)]
        lines.append(_cut_out(ink, labels, members, row))
    return lines


def as_one(ink: Ink) -> Line | None:
    """Take the ink of a page as one digit written in parts: a 5 whose bar stands off, a 3 whose halves do.

    Returns None where it hangs together, or where its parts cannot be one
    digit's: too many, too far apart, two as tall.
    """
    height, width = ink.mask.shape
    _, stats = ink.components
    if not 0.6 * height <= width <= 1.6 * height or len(stats) <= 2:
        return None
    labels, blobs = _blobs(ink)
    if not 2 <= len(blobs) <= MOST_PARTS:
        return None
    whole = reduce(_Blob.joined_with, blobs)
    second = sorted(blob.height for blob in blobs)[-2]
    return _cut_out(ink, labels, blobs, [whole]) if second <= 0.75 * whole.height else None


def _blobs(ink: Ink) -> tuple[np.ndarray, list[_Blob]]:
    """Label the connected pieces of ink, int32 (h, w), and list those that are more than specks."""
    labels, stats = ink.components
    largest = 1 + np.argsort(-stats[1:, cv2.CC_STAT_AREA], kind="stable")[:MOST_BLOBS]
    blobs = [_Blob((int(label),), *(int(v) for v in stats[label])) for label in largest]
    speck = SPECK * _typical_height(blobs) if blobs else 0.0
    return labels, [blob for blob in blobs if max(blob.width, blob.height) >= speck]


def _mended(blobs: list[_Blob]) -> list[_Blob]:
    """Join the parts of digits broken across: one above the other with hardly a gap between."""
    blobs = sorted(blobs, key=lambda blob: blob.y)
    mended: list[_Blob] = []
    for blob in blobs:
        for index, other in enumerate(mended):
            gap = blob.y - other.bottom
            overlap = min(blob.right, other.right) - max(blob.x, other.x)
            near = -0.5 * min(blob.height, other.height) <= gap <= 0.35 * min(blob.height, other.height)
            if near and overlap >= 0.5 * min(blob.width, other.width) and not _like_two_digits(blob, other, gap):
                mended[index] = other.joined_with(blob)
                break
        else:
            mended.append(blob)
    return mended


def _like_two_digits(blob: _Blob, other: _Blob, gap: int) -> bool:
    """Tell digits of two lines close together from the upper and the lower part of one."""
    low, high = sorted((blob.height, other.height))
    if low <= 0.7 * high:
        return False
    # Two strokes with hardly paper between are one that the pen left out a bit of: lines lie farther apart.
    broken = gap <= 0.2 * low and all(part.width <= 0.6 * part.height for part in (blob, other))
    return not broken and all(0.3 * part.height <= part.width <= 1.05 * part.height for part in (blob, other))


def _typical_height(blobs: list[_Blob]) -> float:
    """Median height of the blobs, each counted by its area, so that specks do not vote."""
    order = sorted(blobs, key=lambda blob: blob.height)
    weights = np.cumsum([blob.area for blob in order])
    return float(order[int(np.searchsorted(weights, weights[-1] / 2))].height)


def _rows(blobs: list[_Blob]) -> list[list[_Blob]]:
    """Chain blobs left to right into rows: a blob joins the row whose end it stands beside."""
    rows: list[list[_Blob]] = []
    for blob in sorted(blobs, key=lambda b: b.x):
        best, best_overlap = None, 0.4
        for row in rows:
            # The last few, not the last alone: a small zero behind a tall seven still has a neighbour to stand by.
            for last in row[-3:]:
                overlap = min(blob.bottom, last.bottom) - max(blob.y, last.y)
                share = overlap / min(blob.height, last.height)
                if share > best_overlap:
                    best, best_overlap = row, share
        if best is None:
            rows.append([blob])
        else:
            best.append(blob)
    return rows


def _belongs(blob: _Blob, row: list[_Blob]) -> bool:
    """Tell a digit's detached part (a hat, a bar) from dots, commas and dashes that stand by themselves."""
    for other in row:
        overlap = min(blob.right, other.right) - max(blob.x, other.x)
        near = blob.y < other.bottom + 0.15 * other.height and blob.bottom > other.y - 0.35 * other.height
        if near and overlap > 0.3 * blob.width and max(blob.width, blob.height) > 0.12 * other.height:
            return True
    return False


def _cut_out(ink: Ink, labels: np.ndarray, blobs: list[_Blob], row: list[_Blob]) -> Line:
    margin = 2
    height, width = ink.mask.shape
    left = max(0, min(b.x for b in blobs) - margin)
    right = min(width, max(b.right for b in blobs) + margin)
    top = max(0, min(b.y for b in blobs) - margin)
    bottom = min(height, max(b.bottom for b in blobs) + margin)
    keep = np.zeros(len(ink.components[1]), np.uint8)
    keep[[label for blob in blobs for label in blob.labels]] = 1
    own = cv2.dilate(keep.take(labels[top:bottom, left:right]), np.ones((3, 3), np.uint8))
    strength = ink.strength[top:bottom, left:right] * own
    body = float(median(blob.height for blob in row))
    middle = float(median(blob.y + blob.height / 2 for blob in row)) - top
    scale = max(1.0, body / LINE_HEIGHT)
    if scale > 1:
        size = (max(1, round((right - left) / scale)), max(1, round((bottom - top) / scale)))
        strength = cv2.resize(strength, size, interpolation=cv2.INTER_AREA)
    return Line(
        strength, ink.x + left * ink.scale, ink.y + top * ink.scale, scale * ink.scale, body / scale, middle / scale
    )


def uncut(line: Line) -> Pieces:
    """Take a line's ink as one piece."""
    height, width = line.strength.shape
    return Pieces(np.array([np.zeros(height, int), np.full(height, width)]), np.zeros(2))


def cut(line: Line) -> Pieces:
    """Cut a line along seams, top to bottom, where they meet the least ink.

    A seam moves at most one column a row (Avidan and Shamir, 2007), so it follows slanted hands and goes
    round overhanging strokes. Through every column the cheapest seam is found; the valleys of that cost are
    the cuts. Most are wrong: the lattice chooses among them.
    """
    height, width = line.strength.shape
    down, from_above = _cheapest(line.strength)
    up, from_below = _cheapest(line.strength[::-1])
    middle = height // 2
    through = down[middle] + up[height - 1 - middle] - line.strength[middle]
    columns, costs = [np.zeros(height, int)], [0.0]
    for column in _valleys(through, line.body):
        seam = np.empty(height, int)
        seam[middle] = x = column
        for row in range(middle, 0, -1):
            x += int(from_above[row, x])
            seam[row - 1] = x
        x = column
        for row in range(middle, height - 1):
            x += int(from_below[height - 1 - row, x])
            seam[row + 1] = x
        # Seams that meet run on as one; keep their order so that every piece has its own ink.
        seam = np.maximum(seam, columns[-1])
        if _ink_between(line.strength, columns[-1], seam) > 0.3 * line.body**0.5:
            columns.append(seam)
            costs.append(float(through[column]))
    if len(columns) > 1 and _ink_between(line.strength, columns[-1], np.full(height, width)) <= 0.3 * line.body**0.5:
        columns.pop()
        costs.pop()
    columns.append(np.full(height, width))
    costs.append(0.0)
    return Pieces(np.array(columns), np.array(costs))


def _cheapest(strength: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cost of the cheapest seam from the top to each pixel, and the step (-1, 0, 1) back to the row above."""
    height, width = strength.shape
    # A step aside costs a little, so that seams over white paper run straight.
    aside = 0.01
    total = np.empty((height, width), np.float32)
    step = np.zeros((height, width), np.int8)
    total[0] = strength[0]
    padded = np.full(width + 2, np.inf, np.float32)
    choices = np.empty((3, width), np.float32)
    for row in range(1, height):
        padded[1:-1] = total[row - 1]
        choices[0] = padded[1:-1]
        choices[1] = padded[:-2] + aside
        choices[2] = padded[2:] + aside
        best = choices.argmin(axis=0)
        step[row] = np.array([0, -1, 1], np.int8)[best]
        total[row] = strength[row] + choices.min(axis=0)
    return total, step


def _valleys(cost: np.ndarray, body: float) -> list[int]:
    """Columns where a seam is cheapest in its neighbourhood and cuts no more than a few strokes' width."""
    reach = max(2, round(0.08 * body))
    lowest = cv2.erode(cost[None], np.ones((1, 2 * reach + 1), np.uint8))[0]
    candidates = np.flatnonzero((cost <= lowest + 1e-6) & (cost < 0.45 * body))
    columns: list[int] = []
    run: list[int] = []
    for column in candidates:
        if run and column - run[-1] > 1:
            columns.append(run[len(run) // 2])
            run = []
        run.append(int(column))
    if run:
        columns.append(run[len(run) // 2])
    return columns


def _ink_between(strength: np.ndarray, left: np.ndarray, right: np.ndarray) -> float:
    return float((strength * between(strength.shape[1], left, right)).sum())


def between(width: int, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Mask of the pixels from one seam to another: bool (h, width)."""
    x = np.arange(width)
    return (x >= left[:, None]) & (x < right[:, None])
