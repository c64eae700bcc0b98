"""Ink in a table -> its rows, between the printed lines. Digits of two rows may touch, or touch the lines."""

import cv2
import numpy as np

from .ink import Ink
from .page import PRINT, Page

MIN_PRINT = 0.4
"""Least probability of print on a printed line."""

SHORT, GAP, LONG = 0.1, 0.4, 0.4
"""As shares of the ink's width: least length of a line's parts, largest gap between them, where digits cross it, and
least length of the whole line."""

MAX_STEEP = 0.35
"""A line rises by at most this share of its length."""

OWN = 0.65
"""Connected ink with at least this share in one row belongs to that row. Other ink is cut at the lines."""

MIN_ROW = 0.45
"""A row is at least this high, as a share of the middle one. Lower ones are ends of strokes."""

MAX_RULES = 20
"""Paper with more printed lines is ruled, and no table."""


def rows_between(ink: Ink, seen: Page) -> list[Ink]:
    """Part ink at the printed lines that cross it, from top to bottom. Returns no rows if no line does."""
    rules = _rules(_print_at(ink, seen))
    if not rules:
        return []
    height, width = ink.mask.shape
    down, across = np.arange(height)[:, None], np.arange(width)
    row_of = np.zeros((height, width), np.int32)
    for slope, start in rules:
        row_of += down > start + slope * across
    rows = len(rules) + 1
    labels, stats = ink.components
    counts = np.bincount((labels * rows + row_of).ravel(), minlength=len(stats) * rows).reshape(-1, rows)
    owned = counts.max(axis=1) >= OWN * counts.sum(axis=1)
    row_of = np.where(owned[labels], counts.argmax(axis=1)[labels], row_of)
    parts = [part for row in range(rows) if (part := ink.only(row_of == row)) is not None]
    heights = [cv2.boundingRect(part.mask)[3] for part in parts]
    # Of two rows the higher one counts: an end of a stroke is no row.
    middle = sorted(heights)[len(heights) // 2] if heights else 0
    return [part for part, high in zip(parts, heights, strict=True) if high >= MIN_ROW * middle]


def _print_at(ink: Ink, seen: Page) -> np.ndarray:
    """Cut the probabilities of print out where the ink is: float32 (h, w)."""
    height, width = ink.mask.shape
    scale = np.array(seen.masks.shape[1::-1]) / (seen.width, seen.height)
    # Both count pixels from the middle of the first one.
    x, y = (np.array([ink.x, ink.y]) - (seen.x, seen.y)) * scale + (ink.scale * scale - 1) / 2
    matrix = np.array([[ink.scale * scale[0], 0, x], [0, ink.scale * scale[1], y]], np.float32)
    printed = np.ascontiguousarray(seen.masks[..., PRINT])
    return np.asarray(cv2.warpAffine(printed, matrix, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP))


def _rules(printed: np.ndarray) -> list[tuple[float, float]]:
    """Find a table's lines across, from top to bottom, in probabilities of print, float32 (h, w).

    Returns each line's slope, in rows per column, and its row at x = 0.
    """
    width = printed.shape[1]

    def bar(share: float) -> np.ndarray:
        return np.ones((1, max(7, round(share * width))), np.uint8)

    # Higher by a pixel on both sides, because a sloping line has steps.
    likely = cv2.dilate((printed > MIN_PRINT).view(np.uint8), np.ones((3, 1), np.uint8))
    parts = cv2.morphologyEx(likely, cv2.MORPH_OPEN, bar(SHORT))
    margin = round(GAP * width) + 2
    parts = cv2.copyMakeBorder(parts, 0, 0, margin, margin, cv2.BORDER_CONSTANT)
    whole = cv2.morphologyEx(parts, cv2.MORPH_CLOSE, bar(GAP))[:, margin:-margin]
    whole = cv2.morphologyEx(whole, cv2.MORPH_OPEN, bar(LONG))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(whole, connectivity=8)
    if count - 1 > MAX_RULES:
        return []
    rules = []
    for label in range(1, count):
        _, _, long, high, _ = stats[label]
        if high <= MAX_STEEP * long:
            down, across = np.nonzero(labels == label)
            slope, start = np.polyfit(across, down, 1)
            rules.append((float(slope), float(start)))
    return sorted(rules, key=lambda rule: rule[1] + rule[0] * width / 2)
