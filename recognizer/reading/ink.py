"""Page -> ink: corrects uneven light and polarity, applies a threshold, removes ruled lines."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from .page import (
    BESIDE,
    HANDWRITING,
    PAPER,
    UNCHANGED,
    Page,
    PageNetwork,
    View,
    has_sides,
    scaled_down,
    shipped_page_network,
)

WORKING_SIDE = 1600
"""Longest side, in pixels, at which ink is searched for. Larger pages are scaled down."""

MIN_SNR, MIN_SPARSE_SNR = 3.7, 3.2
"""Smallest contrast of ink, in standard deviations of the paper's grain. The second holds where ink covers less than a
third of the page, which grain never does."""

MIN_CONTRAST = 0.1
"""Smallest contrast of ink, as a share of the paper's brightness."""

EDGE = 0.03
"""A ruled line starts or ends within this share of the page's width from an edge."""

MARGIN = 4
"""Pixels around the ink that are kept."""

FLAT, FLAT_SHARE = 2, 0.5
"""A page is clean if this share of its pixels is within this many grey levels of the most common one."""

MIN_FORM_SIDE = 28
"""Shortest side of a printed box, in pixels. Below it digits have straight sides too."""

THIN, MIN_BESIDE_EDGE, MAX_BESIDE_EDGE = 6, 0.2, 0.6
"""Ink across the whole page, this many times as high as wide, may be the paper's edge, if the next highest ink has a
share of its height between the others."""

MAX_FORMS = 12
"""How many connected pieces of a clean page, the largest first, are checked for printed lines."""

DOUBTFUL, LIKELY = 0.15, 0.5
"""Ink below the first probability of handwriting is dropped; from the second on it is kept at full strength."""

PALE, STRONG = 0.3, 0.55
"""Hysteresis thresholds: ink above the first is a stroke if it is connected to ink above the second."""

ALIKE = 0.85
"""Two inks are alike if their intersection is at least this share of their union."""

GRAIN = 14
"""A connected piece of fewer pixels is grain of the paper."""

MAX_HAND_CONTRAST = 1.4
"""Contrast of handwriting is clipped at this multiple of its median."""

MIN_HAND_SNR = 2.0
"""Smallest contrast of handwriting, in standard deviations of the paper's grain. The darkest grain comes to 1.5."""

MIN_SHEET = 0.01
"""The grain is measured on paper only if it has this share of the pixels around the handwriting."""

MIN_HAND_CONTRAST = 0.02
"""Smallest contrast of handwriting that is read, as a share of the paper's brightness."""

GREYS = np.arange(256, dtype=np.float32)
"""All pixel values."""


@dataclass(frozen=True)
class Ink:
    """The ink of a page, cropped.

    strength: float32 (h, w), 0.0 paper to 1.0 full ink. mask: uint8 (h, w), 1 on strokes.
    x, y: their corner on the upright page. scale: page pixels per pixel of these arrays, >= 1.
    """

    strength: np.ndarray
    mask: np.ndarray
    x: float
    y: float
    scale: float

    @cached_property
    def components(self) -> tuple[np.ndarray, np.ndarray]:
        """Label the connected pieces of the mask: int32 (h, w), 0 for paper, and OpenCV's statistics of each label."""
        # OpenCV's default algorithm takes twice as long.
        count, labels = cv2.connectedComponentsWithAlgorithm(self.mask, 8, cv2.CV_32S, cv2.CCL_BBDT)
        if count > 2:
            _, labels, stats, _ = cv2.connectedComponentsWithStats(self.mask, connectivity=8)
            return labels, stats
        # One piece, as most drawn digits are: OpenCV's statistics would take five times as long as its labels.
        height, width = self.mask.shape
        area = cv2.countNonZero(self.mask)
        paper = 0, 0, width, height, self.mask.size - area
        return labels, np.array([paper, (*cv2.boundingRect(self.mask), area)][:count], np.int32)

    def only(self, chosen: np.ndarray) -> "Ink | None":
        """Keep the chosen strokes, bool (h, w), and crop the ink to them. Returns None if there are none."""
        mask = self.mask * chosen
        strength = cv2.copyTo(self.strength, cv2.dilate(mask, np.ones((3, 3), np.uint8)))
        return _cropped(strength, mask, (self.x / self.scale, self.y / self.scale), self.scale)


@dataclass(frozen=True)
class Look:
    """The ink of a page, selected in three ways.

    written: ink in handwriting. on_paper: finds the ink on paper near the handwriting, print included, which few pages
    need. plain: all ink, found without the page network. seen: the network's masks; None where it did not run, and the
    three are then the same.
    """

    written: Ink | None
    on_paper: Callable[[], Ink | None]
    plain: Ink | None
    seen: Page | None


def find_ink(page: np.ndarray, network: PageNetwork | None = None) -> Ink | None:
    """Find the handwriting on a page, dark on light or light on dark, under even or uneven light.

    page: uint8 (height, width). Returns None if nothing is written on it.
    """
    return look(page, network or shipped_page_network()).written


def look(page: np.ndarray, network: PageNetwork, view: View = UNCHANGED) -> Look:
    """Find the ink on a page: uint8 (height, width).

    On a clean page without printed lines (a canvas, a scan) all ink is handwriting, and the page network is not run.
    """
    counts = _counts(page.ravel())
    plain = plain_ink(page, counts)
    if _are_clean(counts) and (plain is None or not looks_printed(plain)):
        return Look(plain, lambda: plain, plain, None)
    return look_closely(page, plain, network, view)


def look_closely(page: np.ndarray, plain: Ink | None, network: PageNetwork, view: View = UNCHANGED) -> Look:
    """Find the ink on a page, uint8 (height, width), with the page network, however clean the page is."""
    seen = network.see(page, view)
    written, on_paper = written_inks(page, seen)
    return Look(written, on_paper, plain, seen)


def is_clean(page: np.ndarray) -> bool:
    """Tell by the histogram whether the paper is all of one grey, as on a canvas or scan but never on a photo."""
    return _are_clean(_counts(page.ravel()))


def _are_clean(counts: np.ndarray) -> bool:
    paper = int(counts.argmax())
    return bool(counts[max(0, paper - FLAT) : paper + FLAT + 1].sum() >= FLAT_SHARE * counts.sum())


def looks_printed(ink: Ink) -> bool:
    """Tell whether the ink may contain a ruled line, a printed box, or the paper's edge."""
    labels, stats = ink.components
    if max(labels.shape) < MIN_FORM_SIDE:
        return False
    if len(stats) > 2:
        second, tallest = stats[1:][np.argsort(stats[1:, cv2.CC_STAT_HEIGHT])[-2:]]
        high = tallest[cv2.CC_STAT_HEIGHT]
        # Ink has a margin, except at the page's borders.
        across_page = high == labels.shape[0] and high > THIN * tallest[cv2.CC_STAT_WIDTH]
        if across_page and MIN_BESIDE_EDGE * high <= second[cv2.CC_STAT_HEIGHT] <= MAX_BESIDE_EDGE * high:
            return True
    for label in 1 + np.argsort(-stats[1:, cv2.CC_STAT_AREA], kind="stable")[:MAX_FORMS]:
        x, y, width, height, _ = stats[label]
        if width > 6 * height and width > 0.3 * labels.shape[1]:
            return True
        if min(width, height) >= MIN_FORM_SIDE and has_sides(labels[y : y + height, x : x + width] == label):
            return True
    return False


def written_inks(page: np.ndarray, seen: Page) -> tuple[Ink | None, Callable[[], Ink | None]]:
    """Find the ink in handwriting. Also returns what finds the ink on paper near it, print included.

    Its strength is its contrast to the paper around it, divided by the contrast of the handwriting around it. So
    shadows do not darken it, and pale strokes are as strong as dark ones.
    """
    page = page[seen.y : seen.y + seen.height, seen.x : seen.x + seen.width]
    page, scale = _at_working_size(page)
    hand = seen.mask(HANDWRITING, page.shape)
    likely = (hand > LIKELY).view(np.uint8)
    x, y, width, height = cv2.boundingRect(likely)
    if not width:
        return None, lambda: None
    paper = _paper_of(page, seen)
    margin = round(0.02 * max(page.shape)) + MARGIN
    top, left = max(0, y - margin), max(0, x - margin)
    inside = np.s_[top : y + height + margin, left : x + width + margin]
    hand, grey, paper = hand[inside], page[inside].astype(np.float32), paper[inside]
    contrast = (paper - grey) / np.maximum(paper, 1)
    if float((contrast * hand).sum()) < 0:
        contrast = (grey - paper) / np.maximum(255 - paper, 1)
    quiet = hand < 0.05
    # A desk may be coarser than the paper.
    sheet = seen.mask(PAPER, page.shape)[inside] > LIKELY
    grain = _deviation(contrast[sheet if sheet.mean() > MIN_SHEET else quiet])
    np.maximum(contrast, 0, out=contrast)
    full = _full_ink(contrast, hand)
    if full is None or float(full.max()) < MIN_HAND_SNR * grain:
        return None, lambda: None
    # Only what is darker than the paper is left of the grain.
    floor = np.minimum(2 * _deviation(contrast[quiet]), 0.4 * full)
    strength = np.clip((contrast - floor) / (full - floor), 0, 1)
    corner = seen.x / scale + left, seen.y / scale + top

    def on_paper() -> Ink | None:
        beside = seen.mask(BESIDE, page.shape)[inside]
        return _cut_out(strength * (1 - _ramp(beside)), corner, scale)

    return _cut_out(strength * _ramp(hand), corner, scale), on_paper


def _at_working_size(page: np.ndarray) -> tuple[np.ndarray, float]:
    """Scale a larger page down to WORKING_SIDE: uint8 (h, w). Also returns how many times smaller it is now."""
    scale = max(1.0, max(page.shape) / WORKING_SIDE)
    if scale == 1:
        return page, scale
    return scaled_down(page, (max(1, round(page.shape[1] / scale)), max(1, round(page.shape[0] / scale)))), scale


def _deviation(values: np.ndarray) -> float:
    """Estimate the standard deviation of normal values, of which a few may be outliers; 0.0 if there are none."""
    return 1.4826 * _median(np.abs(values - _median(values))) if values.size else 0.0


def _ramp(likely: np.ndarray) -> np.ndarray:
    """Map probabilities to 0..1, linearly from DOUBTFUL to LIKELY: float32 (h, w)."""
    return np.clip((likely - DOUBTFUL) / (LIKELY - DOUBTFUL), 0, 1)


def _cut_out(strength: np.ndarray, corner: tuple[float, float], scale: float) -> Ink | None:
    """Find the strokes of ink, float32 (h, w), and crop it to them. corner: as in `_cropped`."""
    return _cropped(strength, _hysteresis(strength), corner, scale)


def _cropped(strength: np.ndarray, mask: np.ndarray, corner: tuple[float, float], scale: float) -> Ink | None:
    """Crop ink to its strokes, with a margin; None if there are none. corner: its x and y, in its own pixels."""
    x, y, width, height = cv2.boundingRect(mask)
    if not width:
        return None
    left, top = max(0, x - MARGIN), max(0, y - MARGIN)
    written = np.s_[top : y + height + MARGIN, left : x + width + MARGIN]
    place = (corner[0] + left) * scale, (corner[1] + top) * scale
    return Ink(np.ascontiguousarray(strength[written]), np.ascontiguousarray(mask[written]), *place, scale)


def _paper_of(page: np.ndarray, seen: Page) -> np.ndarray:
    """Brightness of the paper behind each pixel: float32 (h, w), the mean of the paper around it."""
    sure = np.ascontiguousarray(seen.masks[..., PAPER])
    height, width = sure.shape
    grey = scaled_down(page, (width, height)).astype(np.float32)
    # Pixels at the edge of strokes are half ink, so they are left out.
    sure = cv2.erode(sure, np.ones((3, 3), np.uint8)) ** 2
    near, far = max(height, width) / 32, max(height, width) / 6

    def mean(sigma: float) -> tuple[np.ndarray, np.ndarray]:
        factor = max(1, int(sigma / 3))
        small = max(1, width // factor), max(1, height // factor)
        parts = [
            cv2.GaussianBlur(cv2.resize(a, small, interpolation=cv2.INTER_AREA), (0, 0), sigma / factor)
            for a in (grey * sure, sure)
        ]
        total, weight = (cv2.resize(part, (width, height), interpolation=cv2.INTER_LINEAR) for part in parts)
        return total, weight

    total, weight = mean(near)
    wide_total, wide_weight = mean(far)
    anywhere = float((grey * sure).sum() + 1e-3 * np.median(grey)) / float(sure.sum() + 1e-3)
    wide = (wide_total + 1e-3 * anywhere) / (wide_weight + 1e-3)
    paper = (total + 0.02 * wide) / (weight + 0.02)
    return cv2.resize(paper, page.shape[::-1], interpolation=cv2.INTER_LINEAR)


def _full_ink(contrast: np.ndarray, hand: np.ndarray) -> np.ndarray | None:
    """Contrast of full ink around each pixel, float32 (h, w); None if nothing is written.

    The mean contrast of the handwriting, weighted by itself, so that the cores of strokes count more than their edges.
    It is clipped, because print taken for handwriting may be many times as dark as a pencil's strokes.
    """
    likely = hand > LIKELY
    if not likely.any():
        return None
    contrast = np.minimum(contrast, MAX_HAND_CONTRAST * _median(contrast[likely]))
    weight = contrast * hand
    total = float(weight.sum())
    if total <= 0:
        return None
    squared = weight * contrast
    everywhere = float(squared.sum()) / total
    if everywhere < MIN_HAND_CONTRAST:
        return None
    height, width = contrast.shape
    sigma = max(4.0, 0.25 * min(height, width))
    factor = max(1, int(sigma / 4))
    size = max(1, width // factor), max(1, height // factor)
    parts = [
        cv2.GaussianBlur(cv2.resize(a, size, interpolation=cv2.INTER_AREA), (0, 0), sigma / factor)
        for a in (squared, weight)
    ]
    full, bottom = (cv2.resize(part, (width, height), interpolation=cv2.INTER_LINEAR) for part in parts)
    trust = 0.01 * total / contrast.size
    full += trust * everywhere
    bottom += trust
    full /= bottom
    return np.asarray(np.maximum(full, np.float32(0.35 * everywhere), out=full))


def _median(values: np.ndarray, enough: int = 50_000) -> float:
    """Return the median of about `enough` evenly spaced values of float32 (n,), n >= 1."""
    # np.median takes two to three times as long as to sort them all.
    ordered = np.sort(values[:: max(1, len(values) // enough)])
    half = len(ordered) // 2
    return float(ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2)


def _hysteresis(strength: np.ndarray) -> np.ndarray:
    """Apply the hysteresis thresholds and drop grain: uint8 (h, w)."""
    pale = (strength > PALE).view(np.uint8)
    count, labels = cv2.connectedComponents(pale, connectivity=8)
    strong = np.zeros(count, np.uint8)
    strong[labels[strength > STRONG]] = 1
    # OpenCV could count the pixels too, but takes twice as long with its other statistics.
    strong[np.bincount(labels.ravel(), minlength=count) < GRAIN] = 0
    strong[0] = 0
    return np.asarray(strong.take(np.asarray(labels)))


def are_alike(one: Ink, other: Ink) -> bool:
    """Tell whether two inks of a page are nearly the same strokes."""
    if one.scale != other.scale:
        return False
    corners = [(round(ink.x / ink.scale), round(ink.y / ink.scale)) for ink in (one, other)]
    left, top = (min(places) for places in zip(*corners, strict=True))
    height = max(y - top + ink.mask.shape[0] for (_, y), ink in zip(corners, (one, other), strict=True))
    width = max(x - left + ink.mask.shape[1] for (x, _), ink in zip(corners, (one, other), strict=True))
    both = np.zeros((height, width), np.uint8)
    for (x, y), ink in zip(corners, (one, other), strict=True):
        both[y - top : y - top + ink.mask.shape[0], x - left : x - left + ink.mask.shape[1]] += ink.mask
    return bool((both == 2).sum() >= ALIKE * (both > 0).sum())


def plain_ink(page: np.ndarray, counts: np.ndarray | None = None) -> Ink | None:
    """Find all ink without the page network, as if the whole page were paper.

    counts: the page's histogram, if it is known.
    """
    page, scale = _at_working_size(page)
    contrast, most = _contrast(page, _counts(page.ravel()) if counts is None or scale > 1 else counts)
    least = int(most * MIN_CONTRAST / 2)
    x, y, width, height = cv2.boundingRect((contrast > least).view(np.uint8))
    across, down = max(0, x - 2), max(0, y - 2)
    drawn = contrast[down : y + height + 2, across : x + width + 2]
    threshold = _threshold(drawn)
    inked = drawn[drawn > int(threshold)]
    if inked.size == 0:
        return None
    full = _quantile(_counts(inked), 0.75)
    paper = _counts(contrast.ravel())
    noise = 1.4826 * _deviation_from(_quantile(paper, 0.5), paper)
    clear = MIN_SNR if inked.size > page.size / 3 else MIN_SPARSE_SNR
    if full < most * MIN_CONTRAST or full < clear * noise:
        return None
    if int(threshold) < least:
        across, down, drawn = 0, 0, contrast
    x, y, width, height = cv2.boundingRect((drawn > int(threshold)).view(np.uint8))
    x, y = across + x, down + y
    mask = None
    # Only ink near an edge of the page can be a ruled line.
    if _near_an_end(x, width, page.shape[1]) or _near_an_end(y, height, page.shape[0]):
        mask = drop_rules((contrast > int(threshold)).view(np.uint8))
        x, y, width, height = cv2.boundingRect(mask)
    if not width:
        return None
    left, top = max(0, x - MARGIN), max(0, y - MARGIN)
    written = np.s_[top : y + height + MARGIN, left : x + width + MARGIN]
    floor = min(2 * noise, 0.6 * threshold)
    strength = cv2.LUT(contrast[written], np.clip((GREYS - floor) / (full - floor), 0, 1))
    strokes = (contrast[written] > int(threshold)).view(np.uint8) if mask is None else mask[written]
    return Ink(strength, np.ascontiguousarray(strokes), left * scale, top * scale, scale)


def _counts(pixels: np.ndarray, enough: int = 10_000) -> np.ndarray:
    """Return the histogram of about `enough` evenly spaced pixels, uint8 (n,): float32 (256,)."""
    return cv2.calcHist([pixels[:: max(1, pixels.size // enough)]], [0], None, [256], [0, 256]).ravel()


def _quantile(counts: np.ndarray, share: float, values: np.ndarray = GREYS) -> float:
    """Return a quantile of sorted integer values (n,), with counts (n,).

    It is interpolated as if the values rounded to an integer were spread evenly around it.
    """
    reached = counts.cumsum(dtype=np.float64)
    place = share * reached[-1]
    here, after = reached.searchsorted(place, "left"), reached.searchsorted(place, "right")
    if here < after < len(values):
        return float(values[here] + values[after]) / 2
    return max(0.0, float(values[here]) + 0.5 - float(reached[here] - place) / float(counts[here]))


def _deviation_from(middle: float, counts: np.ndarray) -> float:
    """Return the median distance of pixels from a grey level. counts: their histogram."""
    distances = np.abs(GREYS - middle)
    order = distances.argsort()
    return _quantile(counts[order], 0.5, distances[order])


def _contrast(page: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, int]:
    """Return each pixel's contrast to the paper, uint8 (h, w), for either polarity, and the value of full black.

    counts: the page's histogram.
    """
    edge = max(1, min(page.shape) // 50)
    border = np.concatenate(
        [page[:edge].ravel(), page[-edge:].ravel(), page[:, :edge].ravel(), page[:, -edge:].ravel()]
    )
    low, high = _greys_below(counts, [0.005, 0.995])
    if high <= low:
        low, high = int(page.min()), int(page.max())
    darkest, paper, lightest = _greys_below(_counts(border), [0.1, 0.5, 0.9])
    if lightest - darkest < 0.2 * (high - low):
        all_paper = np.full_like(page, paper)
        if paper < (low + high) / 2:
            return cv2.subtract(page, all_paper), max(255 - paper, 1)
        return cv2.subtract(all_paper, page), max(paper, 1)
    values = page.astype(np.float32)
    # Under uneven light, ink differs sharply from its surroundings.
    around = _surroundings(values)
    residual = values - around
    if float(np.vdot(residual * residual, residual)) > 0:
        np.subtract(255, values, out=values)
    values /= np.maximum(_background(values), 1.0)
    # At full size each new array would take as long as the arithmetic.
    np.subtract(1, values, out=values)
    values *= 255
    values += 0.5
    return np.clip(values, 0, 255, out=values).astype(np.uint8), 255


def _greys_below(counts: np.ndarray, shares: list[float]) -> list[int]:
    """Return the grey values at quantiles `shares` of a histogram."""
    reached = counts.cumsum(dtype=np.float64)
    return [int(grey) for grey in reached.searchsorted(np.multiply(shares, reached[-1]))]


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
    """Estimate bright paper behind dark ink by a grey-scale closing wider than any stroke."""
    small = _shrunk(values)
    reach = max(3, min(small.shape) // 4) | 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    # Without a blur first the closing follows the brightest grain of the paper.
    closed = cv2.morphologyEx(cv2.GaussianBlur(small, (5, 5), 0), cv2.MORPH_CLOSE, kernel)
    closed = cv2.GaussianBlur(closed, (0, 0), reach / 4)
    return cv2.resize(closed, values.shape[::-1], interpolation=cv2.INTER_LINEAR)


def _threshold(contrast: np.ndarray) -> float:
    """Choose the threshold half-way up the strongest edges, 0.0 to 255.0.

    The mean of the grey values weighted by the squared gradient (after the simple image statistic of
    Kittler, Illingworth and Foeglein, 1985). Unlike Otsu's, it does not depend on how much of the page is ink.
    """
    smooth = cv2.GaussianBlur(contrast, (3, 3), 0)
    dx, dy = (slope.astype(np.float32) for slope in cv2.spatialGradient(smooth))
    weight = dx * dx + dy * dy
    total = float(weight.sum())
    return float(np.vdot(weight, smooth.astype(np.float32))) / total if total > 0 else 255.0


def drop_rules(mask: np.ndarray) -> np.ndarray:
    """Remove ruled lines: thin straight lines across the page. Strokes that cross them stay.

    Upright ruled lines are removed only on whole pages: in a strip as tall as its digits a 1 looks like one.
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
    """Test cheaply whether a row has enough ink for a ruled line, which may be slightly rotated."""
    reach = max(8, round(0.06 * mask.shape[0]))
    spread = cv2.dilate(mask, np.ones((reach, 1), np.uint8))
    return bool(cv2.reduce(spread, 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S).max() >= length)


def _drop_horizontal_rules(mask: np.ndarray) -> np.ndarray:
    height, width = mask.shape
    if width < 48:
        return mask
    if not _has_long_rows(mask, round(0.4 * width)):
        return mask
    # Close the gaps and steps of a slightly rotated line before searching for long rows.
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
            # Where there is ink above and below the line, a stroke crosses it; that ink stays.
            reach = round(area / span) + 2
            above, below = np.roll(mask, reach, axis=0), np.roll(mask, -reach, axis=0)
            out = out & ~(rule & ~(above & below) & 1)
    return out
