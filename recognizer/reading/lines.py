"""Ink -> lines of writing."""

import math
from bisect import bisect_left
from dataclasses import dataclass
from functools import reduce
from itertools import accumulate
from statistics import fmean, median
from typing import TypeVar

import cv2
import numpy as np

from .ink import Ink

LINE_HEIGHT = 56
"""Digits taller than this, in pixels, are scaled down to it before they are cut."""

SPECK = 0.08
"""Pieces of ink smaller than this share of the digits' height are grain."""

MAX_BLOBS = 600
"""Only this many connected pieces of ink are used, the largest first. The rest is grain."""

MAX_SLOPE = 0.3
"""Steepest slope that is straightened, in rows per column."""

MIN_LENGTH = 1.6
"""A row is straightened only if its first and last digit are this many digit heights apart."""

MIN_DROP = 0.2
"""A row is straightened only if one end is lower by more than this share of its digits' height."""

MAX_TALLER, MIN_TALLEST = 1.35, 0.4
"""A digit joined from two parts is at most this many times as tall as the tallest other blob, where that has at least
the second share of its height."""

AROUND = np.ones((3, 3), np.uint8)

MAX_PARTS = 4
"""Strokes that do not touch in one digit."""

Places = TypeVar("Places", float, np.ndarray)


@dataclass(frozen=True)
class Line:
    """One line of writing, cut out of the page.

    strength: float32 (h, w), its ink, level and of even strength, digits at most LINE_HEIGHT tall. Classifier, spotter
    and line reader read this array; the grey reader reads the page in its place.
    x, y: its corner, and scale: page pixels per pixel, on the upright page. angle: its slope there, in radians,
    clockwise.
    body: height of its digits, and middle: the row at half their height, in its own pixels.
    """

    strength: np.ndarray
    x: float
    y: float
    scale: float
    body: float
    middle: float
    angle: float = 0.0

    def to_page(self, x: Places, y: Places) -> tuple[Places, Places]:
        """Convert points in the line's pixels to points on the upright page."""
        if not self.angle:
            return self.x + self.scale * x, self.y + self.scale * y
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        return self.x + self.scale * (cos * x - sin * y), self.y + self.scale * (sin * x + cos * y)


@dataclass(frozen=True)
class _Blob:
    """A connected piece of ink, or the close parts of one digit."""

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
    if len(blobs) < 2:
        return [_cut_out(ink, labels, blobs, blobs)] if blobs else []
    blobs = _join_broken(blobs)
    body = _typical_height(blobs)
    tall = [blob for blob in blobs if blob.height >= 0.4 * body]
    small = [blob for blob in blobs if blob.height < 0.4 * body]
    rows = _rows(tall)
    lines = []
    for row in sorted(rows, key=_middle_of):
        members = row + [blob for blob in small if _belongs(blob, row)]
        lines.append(_cut_out(ink, labels, members, row))
    return lines


def _middle_of(row: list[_Blob]) -> float:
    return fmean(blob.y + blob.height / 2 for blob in row)


def as_one(ink: Ink) -> Line | None:
    """Take the ink of a page as one digit in several strokes: a 5 with a detached bar, a 3 in two halves.

    Returns None where the ink is connected, or where the parts cannot be one digit: too many, too far apart, or two of
    about the same height.
    """
    height, width = ink.mask.shape
    _, stats = ink.components
    if not 0.6 * height <= width <= 1.6 * height or len(stats) <= 2:
        return None
    labels, blobs = _blobs(ink)
    if not 2 <= len(blobs) <= MAX_PARTS:
        return None
    whole = reduce(_Blob.joined_with, blobs)
    second = sorted(blob.height for blob in blobs)[-2]
    return _cut_out(ink, labels, blobs, [whole]) if second <= 0.75 * whole.height else None


def _blobs(ink: Ink) -> tuple[np.ndarray, list[_Blob]]:
    """Label the connected pieces of ink, int32 (h, w), and list those larger than specks."""
    labels, stats = ink.components
    largest = 1 + np.argsort(-stats[1:, cv2.CC_STAT_AREA], kind="stable")[:MAX_BLOBS]
    blobs = [_Blob((int(label),), *stats[label].tolist()) for label in largest]
    speck = SPECK * _typical_height(blobs) if blobs else 0.0
    return labels, [blob for blob in blobs if max(blob.width, blob.height) >= speck]


def _join_broken(blobs: list[_Blob]) -> list[_Blob]:
    """Join the upper and lower parts of broken digits, which have only a small gap between them."""
    blobs = sorted(blobs, key=lambda blob: blob.y)
    joined: list[_Blob] = []
    for blob in blobs:
        for index, other in enumerate(joined):
            gap = blob.y - other.bottom
            overlap = min(blob.right, other.right) - max(blob.x, other.x)
            near = -0.5 * min(blob.height, other.height) <= gap <= 0.35 * min(blob.height, other.height)
            # The cheap conditions come first: a page may have hundreds of blobs.
            if (
                near
                and overlap >= 0.5 * min(blob.width, other.width)
                and not _like_two_digits(blob, other, gap)
                and not _in_two_rows(blob, other, blobs)
                and not _too_tall_together(blob, other, blobs)
            ):
                joined[index] = other.joined_with(blob)
                break
        else:
            joined.append(blob)
    return joined


def _like_two_digits(blob: _Blob, other: _Blob, gap: int) -> bool:
    """Tell whether two blobs are digits of two close lines, not the upper and lower part of one digit."""
    low, high = sorted((blob.height, other.height))
    if low <= 0.7 * high:
        return False
    # Two thin strokes with hardly any gap are one broken stroke: lines are farther apart.
    broken = gap <= 0.2 * low and all(part.width <= 0.6 * part.height for part in (blob, other))
    return not broken and all(0.3 * part.height <= part.width <= 1.05 * part.height for part in (blob, other))


def _in_two_rows(blob: _Blob, other: _Blob, blobs: list[_Blob]) -> bool:
    """Tell digits in two rows of a table: a neighbour of their height is level with only one of them."""
    low, high = sorted((blob.height, other.height))
    if low <= 0.7 * high:
        return False
    for neighbour in blobs:
        if 0.7 * high <= neighbour.height <= 1.4 * high:
            shares = [(min(part.bottom, neighbour.bottom) - max(part.y, neighbour.y)) / low for part in (blob, other)]
            if max(shares) >= 0.6 and min(shares) <= 0.1 and neighbour not in (blob, other):
                return True
    return False


def _too_tall_together(blob: _Blob, other: _Blob, blobs: list[_Blob]) -> bool:
    """Tell whether two blobs would make a digit much taller than the tallest of the others, which is no speck."""
    both = other.joined_with(blob)
    tallest = max((each.height for each in blobs if not set(each.labels) & set(both.labels)), default=0)
    return MIN_TALLEST * both.height <= tallest < both.height / MAX_TALLER


def _typical_height(blobs: list[_Blob]) -> float:
    """Median height of the blobs weighted by area, so that specks hardly count."""
    order = sorted(blobs, key=lambda blob: blob.height)
    weights = list(accumulate(blob.area for blob in order))
    return float(order[bisect_left(weights, weights[-1] / 2)].height)


def _rows(blobs: list[_Blob]) -> list[list[_Blob]]:
    """Chain blobs into rows from left to right: a blob joins the row whose last blobs it overlaps most in height."""
    rows: list[list[_Blob]] = []
    for blob in sorted(blobs, key=lambda b: b.x):
        best, best_overlap = None, 0.4
        for row in rows:
            # The last three, not only the last: a low blob may overlap the last one too little.
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
    """Tell a detached part of a digit (a bar, a flag) from a separate dot, comma or dash."""
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
    own = ink.mask[top:bottom, left:right]
    kept = [label for blob in blobs for label in blob.labels]
    if len(kept) < len(ink.components[1]) - 1:
        keep = np.zeros(len(ink.components[1]), np.uint8)
        keep[kept] = 1
        own = keep.take(labels[top:bottom, left:right])
    body = float(median(blob.height for blob in row))
    slope = _slope(own, body) if right - left > 1.5 * body else 0.0
    strength = cv2.copyTo(ink.strength[top:bottom, left:right], cv2.dilate(own, AROUND))
    scale = max(1.0, body / LINE_HEIGHT)
    if scale > 1:
        size = (max(1, round((right - left) / scale)), max(1, round((bottom - top) / scale)))
        strength = cv2.resize(strength, size, interpolation=cv2.INTER_AREA)
    x, y, angle = 0.0, 0.0, 0.0
    if abs(slope) * (right - left) > MIN_DROP * body:
        angle = float(np.arctan(slope))
        strength, x, y = _turned_back(strength, angle)
    cos, sin = math.cos(angle), math.sin(angle)
    middles = [
        cos * ((b.y + b.height / 2 - top) / scale - y) - sin * ((b.x + b.width / 2 - left) / scale - x) for b in row
    ]
    corner = ink.x + (left + x * scale) * ink.scale, ink.y + (top + y * scale) * ink.scale
    return Line(strength, *corner, scale * ink.scale, body / scale, float(median(middles)), angle)


def _slope(own: np.ndarray, body: float) -> float:
    """Estimate a row's slope, in rows per column, from its ink, uint8 (h, w).

    The Theil-Sen estimator (Theil, 1950; Sen, 1968): the median slope over pairs of parts of the row, once for their
    upper and once for their lower ends.
    """
    step = max(1, round(0.7 * body))
    places, ends = [], []
    for start in range(0, own.shape[1] - step // 2, step):
        part = own[:, start : start + step]
        inked = np.flatnonzero(part.any(axis=1))
        if inked.size and np.ptp(inked) >= 0.5 * body:
            columns = np.flatnonzero(part.any(axis=0))
            places.append(start + (columns[0] + columns[-1]) / 2)
            ends.append((inked[0], inked[-1]))
    if len(places) < 2:
        return 0.0
    first, second = np.triu_indices(len(places), 1)
    x, y = np.array(places), np.array(ends, np.float64)
    apart = x[second] - x[first]
    far = apart > body
    if apart.max() < MIN_LENGTH * body:
        return 0.0
    upper, lower = np.median((y[second] - y[first])[far] / apart[far, None], axis=0)
    # If the two disagree, the digits differ in height.
    slope = np.sign(upper) * min(abs(upper), abs(lower)) if upper * lower > 0 else 0.0
    return float(np.clip(slope, -MAX_SLOPE, MAX_SLOPE))


def _turned_back(strength: np.ndarray, angle: float) -> tuple[np.ndarray, float, float]:
    """Rotate a row level. Returns float32 (h', w') and its corner's x and y in the original row."""
    height, width = strength.shape
    cos, sin = np.cos(angle), np.sin(angle)
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    level = corners @ np.array([[cos, -sin], [sin, cos]])
    least, most = level.min(axis=0), level.max(axis=0)
    size = np.ceil(most - least).astype(int)
    matrix = np.array([[cos, sin, -least[0]], [-sin, cos, -least[1]]], np.float32)
    turned = cv2.warpAffine(strength, matrix, (int(size[0]), int(size[1])), flags=cv2.INTER_LINEAR)
    inked = np.flatnonzero((turned > 0.1).any(axis=1))
    first, last = (max(0, inked[0] - 2), inked[-1] + 3) if inked.size else (0, turned.shape[0])
    x, y = np.array([[cos, -sin], [sin, cos]]) @ (least + np.array([0, first]))
    return turned[first:last], float(x), float(y)
