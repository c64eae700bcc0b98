"""Page -> ink: uneven light, polarity, threshold and rules dealt with."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

WORKING_SIDE = 1600
"""Pages larger than this, in pixels along the longest side, are searched for ink at this size."""

CLEAR, CLEAR_ENOUGH = 3.7, 3.2
"""Ink must stand out from its paper's print and grain by this many of its standard deviations; the second is enough
where it covers less than a third of the page, which grain does not."""

FAINTEST = 0.1
"""Ink must be darker than its paper by this share of the paper's brightness to count as ink."""


EDGE = 0.03
"""A rule begins or ends within this share of the page's width from an edge."""

MARGIN = 4
"""Pixels kept around what is written."""

GREYS = np.arange(256, dtype=np.float32)
"""Every value that a pixel may have."""


@dataclass(frozen=True)
class Ink:
    """What is written on a page, cut out of it.

    strength: float32 (h, w), 0.0 paper to 1.0 full ink. mask: uint8 (h, w), 1 where a stroke is.
    x, y: their corner on the upright page, and scale: page pixels per pixel of these arrays, >= 1.
    """

    strength: np.ndarray
    mask: np.ndarray
    x: float
    y: float
    scale: float

    @cached_property
    def components(self) -> tuple[np.ndarray, np.ndarray]:
        """Label the connected pieces of the mask: int32 (h, w), 0 for paper, and OpenCV's statistics of each label."""
        _, labels, stats, _ = cv2.connectedComponentsWithStats(self.mask, connectivity=8)
        return labels, stats


def find_ink(page: np.ndarray) -> Ink | None:
    """Find the ink on a page, dark on light or light on dark, under even or uneven light.

    page: uint8 (height, width). Returns None for a page with nothing on it.
    """
    scale = max(1.0, max(page.shape) / WORKING_SIDE)
    if scale > 1:
        size = (max(1, round(page.shape[1] / scale)), max(1, round(page.shape[0] / scale)))
        page = cv2.resize(page, size, interpolation=cv2.INTER_AREA)
    contrast, most = _contrast(page)
    x, y, width, height = cv2.boundingRect((contrast > int(most * FAINTEST / 2)).view(np.uint8))
    drawn = contrast[max(0, y - 2) : y + height + 2, max(0, x - 2) : x + width + 2]
    threshold = _threshold(drawn)
    inked = drawn[drawn > int(threshold)]
    if inked.size == 0:
        return None
    full = _quantile(GREYS, _counts(inked), 0.75)
    counts = _counts(contrast.ravel())
    deviations = np.abs(GREYS - _quantile(GREYS, counts, 0.5))
    noise = 1.4826 * _quantile(deviations, counts, 0.5)
    clear = CLEAR if inked.size > page.size / 3 else CLEAR_ENOUGH
    if full < most * FAINTEST or full < clear * noise:
        return None
    mask = drop_rules((contrast > int(threshold)).view(np.uint8))
    x, y, width, height = cv2.boundingRect(mask)
    if not width:
        return None
    left, top = max(0, x - MARGIN), max(0, y - MARGIN)
    written = np.s_[top : y + height + MARGIN, left : x + width + MARGIN]
    floor = min(2 * noise, 0.6 * threshold)
    strength = cv2.LUT(contrast[written], np.clip((GREYS - floor) / (full - floor), 0, 1))
    return Ink(strength, np.ascontiguousarray(mask[written]), left * scale, top * scale, scale)


def _counts(pixels: np.ndarray, enough: int = 10_000) -> np.ndarray:
    """Count how many of pixels, uint8 (n,), have each grey value: float32 (256,). Evenly chosen ones are enough."""
    return cv2.calcHist([pixels[:: max(1, pixels.size // enough)]], [0], None, [256], [0, 256]).ravel()


def _quantile(values: np.ndarray, counts: np.ndarray, share: float) -> float:
    """Find the value, of whole ones (n,), below which a share of them lies, each counted so many times.

    Between whole values it is where the share would end if those rounded to one lay evenly around it.
    """
    order = np.argsort(values)
    values, counts = values[order], counts[order]
    reached = np.cumsum(counts, dtype=np.float64)
    place = share * reached[-1]
    here, after = np.searchsorted(reached, place, "left"), np.searchsorted(reached, place, "right")
    if here < after < len(values):
        return float(values[here] + values[after]) / 2
    return max(0.0, float(values[here]) + 0.5 - float(reached[here] - place) / float(counts[here]))


def _contrast(page: np.ndarray) -> tuple[np.ndarray, int]:
    """How much darker than its paper each pixel is, uint8 (h, w), whatever the polarity; and as what black counts."""
    edge = max(1, min(page.shape) // 50)
    border = np.concatenate(
        [page[:edge].ravel(), page[-edge:].ravel(), page[:, :edge].ravel(), page[:, -edge:].ravel()]
    )
    low, high = _greys_below(page.ravel(), [0.005, 0.995])
    if high <= low:
        low, high = int(page.min()), int(page.max())
    darkest, paper, lightest = _greys_below(border, [0.1, 0.5, 0.9])
    if lightest - darkest < 0.2 * (high - low):
        if paper < (low + high) / 2:
            page, paper = 255 - page, 255 - paper
        return cv2.LUT(page, np.maximum(paper - GREYS, 0).astype(np.uint8)), max(paper, 1)
    values = page.astype(np.float32)
    # Under uneven light the ink is where the page departs sharply from its surroundings.
    around = _surroundings(values)
    residual = values - around
    if float((residual**3).sum()) > 0:
        values = 255 - values
    share = 1 - values / np.maximum(_background(values), 1.0)
    return np.asarray(np.clip(255 * share + 0.5, 0, 255), np.uint8), 255


def _greys_below(pixels: np.ndarray, shares: list[float]) -> list[int]:
    """Find the grey values below which lie some shares of pixels, uint8 (n,)."""
    reached = np.cumsum(_counts(pixels), dtype=np.float64)
    return [int(grey) for grey in np.searchsorted(reached, np.multiply(shares, reached[-1]))]


def _shrunk(values: np.ndarray, side: int = 240) -> np.ndarray:
    factor = side / max(values.shape)
    if factor >= 1:
        return values
    size = (max(1, round(values.shape[1] * factor)), max(1, round(values.shape[0] * factor)))
    return cv2.resize(values, size, interpolation=cv2.INTER_AREA)


def _surroundings(values: np.ndarray) -> np.ndarray:
    small = _shrunk(values)
    reach = max(3, min(small.shape) // 4) | 1
    small = cv2.medianBlur(np.round(small).astype(np.uint8), min(reach, 101)).astype(np.float32)
    return cv2.resize(small, values.shape[::-1], interpolation=cv2.INTER_LINEAR)


def _background(values: np.ndarray) -> np.ndarray:
    """Estimate bright paper behind dark ink by a grey closing wider than any stroke."""
    small = _shrunk(values)
    reach = max(3, min(small.shape) // 4) | 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    # A little blur first, or the closing follows the brightest grain of the paper.
    closed = cv2.morphologyEx(cv2.GaussianBlur(small, (5, 5), 0), cv2.MORPH_CLOSE, kernel)
    closed = cv2.GaussianBlur(closed, (0, 0), reach / 4)
    return cv2.resize(closed, values.shape[::-1], interpolation=cv2.INTER_LINEAR)


def _threshold(contrast: np.ndarray) -> float:
    """Choose the level half-way up the strongest edges, 0.0 to 255.0.

    The mean of the grey values weighted by the squared gradient (after the simple image statistic of
    Kittler, Illingworth and Foeglein, 1985): unlike Otsu's it does not care how little of the page is ink.
    """
    smooth = cv2.GaussianBlur(contrast, (3, 3), 0)
    dx, dy = (slope.astype(np.float32) for slope in cv2.spatialGradient(smooth))
    weight = dx * dx + dy * dy
    total = float(weight.sum())
    return float(np.vdot(weight, smooth.astype(np.float32))) / total if total > 0 else 255.0


def drop_rules(mask: np.ndarray) -> np.ndarray:
    """Remove ruled lines: thin straight runs across the page. Strokes crossing them stay.

    Upright rules are looked for on whole pages only: in a strip as tall as its digits a 1 looks like one.
    """
    x, y, width, height = cv2.boundingRect(mask)
    if _near_an_end(x, width, mask.shape[1]):
        mask = _drop_horizontal_rules(mask)
    if mask.shape[0] >= 300 and _near_an_end(y, height, mask.shape[0]):
        mask = cv2.transpose(_drop_horizontal_rules(cv2.transpose(mask)))
    return mask


def _near_an_end(start: int, length: int, whole: int) -> bool:
    edge = max(1, round(EDGE * whole))
    return start < edge or start + length > whole - edge


def _has_long_rows(mask: np.ndarray, length: int) -> bool:
    """Tell cheaply whether ink stretches far enough for a rule, turned by a few rows at most."""
    reach = max(8, round(0.06 * mask.shape[0]))
    spread = cv2.dilate(mask, np.ones((reach, 1), np.uint8))
    return bool(cv2.reduce(spread, 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S).max() >= length)


def _drop_horizontal_rules(mask: np.ndarray) -> np.ndarray:
    height, width = mask.shape
    if width < 48:
        return mask
    if not _has_long_rows(mask, round(0.4 * width)):
        return mask
    # Bridge the gaps and steps of a slightly turned rule before looking for long runs.
    joined = cv2.dilate(mask, np.ones((3, 5), np.uint8))
    runs = cv2.morphologyEx(joined, cv2.MORPH_OPEN, np.ones((1, max(24, width // 4)), np.uint8))
    if not runs.any():
        return mask
    count, labels, stats, _ = cv2.connectedComponentsWithStats(runs)
    out = mask
    for label in range(1, count):
        left, _, span, tall, area = stats[label]
        left_edge, right_edge = left <= EDGE * width, left + span >= (1 - EDGE) * width
        across = span >= (0.45 if left_edge and right_edge else 0.6) * width and (left_edge or right_edge)
        thin = area / span <= max(5.0, 0.02 * height) and tall <= max(8.0, 0.06 * height)
        if across and thin:
            rule = (labels == label).astype(np.uint8)
            # Where ink stands both above and below the rule, a stroke crosses it and stays whole.
            reach = round(area / span) + 2
            above, below = np.roll(mask, reach, axis=0), np.roll(mask, -reach, axis=0)
            out = out & ~(rule & ~(above & below) & 1)
    return out
