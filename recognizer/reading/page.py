"""A page -> a mask: paper, handwriting, print, or beside the paper.

A small segmentation network runs on the whole page, then again, enlarged, on the part with handwriting. `ink.find_ink`
takes the strength of the ink from the page at full size, where the mask has handwriting.
"""

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from .runtime import Network, load_network

COARSE, FINE = 256, 512
"""Longest side, in pixels, of the whole page in the first run, and of the part with handwriting in the second, which is
left out where digits are large enough."""

MIN_SIDE = 128
"""Smaller pages are enlarged to this longest side: the network was trained on no smaller ones."""

ENOUGH_HEIGHT = 40
"""From this height of digits on, in pixels, the second run is left out."""

POSSIBLE = 0.25
"""The second run covers all pixels with at least this probability of handwriting in the first."""

NO_SHEET = 0.85
"""If more than this share of a page is beside the paper, there is no paper."""

MIN_STRAIGHT = 0.88
"""A printed box has straight lines along this share of its sides, even if a digit sticks out of it."""

MULTIPLE = 32
"""The network halves a page five times, so its sides are padded to a multiple of this."""

LARGE = 2_000_000
"""Pages of more pixels are scaled down in steps."""

TWO_BY_TWO = np.ones((2, 2), np.uint8)

CLASSES = 4
PAPER, HANDWRITING, PRINT, BESIDE = range(CLASSES)

SHIPPED_PAGE_NETWORK = Path(__file__).with_name("page.tflite")
"""Part of the reader, like its thresholds. A version replaces only the classifier."""


@dataclass(frozen=True)
class View:
    """How a page is shown to the page network: scaled down, or mirrored from left to right."""

    scale: float = 1.0
    mirrored: bool = False


UNCHANGED = View()
OTHER_VIEWS = View(mirrored=True), View(scale=0.8)
"""Views in which the network makes other mistakes than in the unchanged page."""


@dataclass(frozen=True)
class Page:
    """The page network's output for a part of a page.

    masks: float32 (h, w, 4), probabilities of PAPER, HANDWRITING, PRINT and BESIDE. x, y, width, height: the part, in
    pixels of the page. overview: probabilities for the whole page, float32 (h', w', 4). whole: the page's height and
    width in pixels.
    """

    masks: np.ndarray
    x: int
    y: int
    width: int
    height: int
    overview: np.ndarray
    whole: tuple[int, int]

    def mask(self, kind: int, size: tuple[int, int]) -> np.ndarray:
        """Scale one class's mask to (height, width): float32."""
        return cv2.resize(np.ascontiguousarray(self.masks[..., kind]), size[::-1], interpolation=cv2.INTER_LINEAR)

    @cached_property
    def certainty(self) -> float:
        """Mean over the pixels of the highest class probability, from 1 / CLASSES to 1.0."""
        return float(self.masks.max(axis=2).mean())

    def mirrored(self) -> "Page":
        """Mirror the output from left to right."""
        x = self.whole[1] - self.x - self.width
        return replace(self, masks=self.masks[:, ::-1], x=x, overview=self.overview[:, ::-1])

    def share(self, kind: int) -> float:
        """Return the share of the whole page that is of a class."""
        return float((self.overview.argmax(axis=2) == kind).mean())


class PageNetwork(Protocol):
    def see(self, page: np.ndarray, view: View = UNCHANGED) -> Page:
        """Segment an upright grey page: uint8 (height, width)."""


def normalised(page: np.ndarray) -> np.ndarray:
    """Stretch a page's contrast to 0..1: uint8 (h, w) -> float32 (h, w). Training and serving both call it."""
    reached = np.cumsum(cv2.calcHist([page], [0], None, [256], [0, 256]).ravel())
    darkest, lightest = np.searchsorted(reached, [0.005 * reached[-1], 0.995 * reached[-1]])
    spread = (np.arange(256, dtype=np.float32) - darkest) / max(float(lightest - darkest), 16.0)
    return cv2.LUT(page, np.clip(spread, 0, 1).astype(np.float32))


def scaled_down(page: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Scale a grey page, uint8 (h, w), down to (width, height). Large ones are halved first, which is much quicker."""
    while page.size > LARGE and page.shape[1] >= 2 * size[0] and page.shape[0] >= 2 * size[1]:
        height, width = page.shape[0] // 2, page.shape[1] // 2
        page = cv2.resize(page[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA)
    return cv2.resize(page, size, interpolation=cv2.INTER_AREA)


class LiteRTPageNetwork:
    """Segments pages with a network from (1, h, w, 1) to probabilities (1, h, w, 4), sides multiples of MULTIPLE."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def see(self, page: np.ndarray, view: View = UNCHANGED) -> Page:
        if view.mirrored:
            return self.see(np.ascontiguousarray(page[:, ::-1]), replace(view, mirrored=False)).mirrored()
        height, width = page.shape
        overview = self._at(page, view.scale * min(1.0, COARSE / max(page.shape)))
        whole = Page(overview, 0, 0, width, height, overview, (height, width))
        if max(page.shape) <= COARSE:
            return whole
        coarse = max(overview.shape[:2]) / max(page.shape)
        x, y, wide, tall, body = _written(overview)
        if body >= ENOUGH_HEIGHT:
            return whole
        left, top = max(0, round(x / coarse)), max(0, round(y / coarse))
        right, bottom = min(width, round((x + wide) / coarse)), min(height, round((y + tall) / coarse))
        part = page[top:bottom, left:right]
        scale = min(FINE / max(part.shape), 1.5 * ENOUGH_HEIGHT * coarse / body if body else 1.0)
        masks = self._at(part, view.scale * min(1.0, scale))
        # Which pixels are beside the paper shows only on the whole page.
        seen = overview[y : y + tall, x : x + wide, BESIDE]
        beside = cv2.resize(np.ascontiguousarray(seen), masks.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        masks = masks * (1 - beside[..., None])
        masks[..., BESIDE] += beside
        return Page(masks, left, top, right - left, bottom - top, overview, (height, width))

    def _at(self, page: np.ndarray, scale: float) -> np.ndarray:
        """Run the network on a page at a scale, enlarged at most to MIN_SIDE: float32 (h, w, 4)."""
        scale = max(min(scale, 1.0), MIN_SIDE / max(page.shape))
        if scale != 1:
            size = max(1, round(page.shape[1] * scale)), max(1, round(page.shape[0] * scale))
            page = scaled_down(page, size) if scale < 1 else cv2.resize(page, size, interpolation=cv2.INTER_CUBIC)
        height, width = page.shape
        edges = 0, -height % MULTIPLE, 0, -width % MULTIPLE
        padded = cv2.copyMakeBorder(normalised(page), *edges, cv2.BORDER_REPLICATE)
        return self._network(padded[None, ..., None])[0, :height, :width]


def has_sides(shape: np.ndarray) -> bool:
    """Recognize a printed box or comb, with or without a digit in it, by straight sides. shape: bool (h, w)."""
    scale = min(1.0, 100 / max(shape.shape))
    size = max(1, round(shape.shape[1] * scale)), max(1, round(shape.shape[0] * scale))
    small = (cv2.resize(255 * shape.view(np.uint8), size, interpolation=cv2.INTER_AREA) > 60).view(np.uint8)
    height, width = small.shape
    # The sides of a rotated box have steps.
    stepped = cv2.dilate(small, TWO_BY_TWO)
    row, column = (1, round(MIN_STRAIGHT * width)), (round(MIN_STRAIGHT * height), 1)
    across, down = round(0.25 * width), round(0.25 * height)
    return (_survives(stepped[:down], row) or _survives(stepped[height - down :], row)) and (
        _survives(stepped[:, :across], column) and _survives(stepped[:, width - across :], column)
    )


def _survives(shape: np.ndarray, size: tuple[int, int]) -> bool:
    """Tell whether any of a shape, uint8 (h, w), is left after erosion by a bar. size: the bar's height and width."""
    return bool(shape.size) and cv2.countNonZero(cv2.erode(shape, np.ones(size, np.uint8))) > 0


def _written(overview: np.ndarray) -> tuple[int, int, int, int, float]:
    """Find the part of a page with handwriting, with a margin: x, y, width, height, and the height of its digits.

    Returns the whole page and height 0 where digits may be too small to show at this size.
    """
    height, width = overview.shape[:2]
    hand = (overview[..., HANDWRITING] > POSSIBLE).view(np.uint8)
    count, _, stats, _ = cv2.connectedComponentsWithStats(hand, connectivity=8)
    if count == 1:
        return 0, 0, width, height, 0.0
    stats = stats[1:][np.argsort(stats[1:, cv2.CC_STAT_HEIGHT])]
    reached = np.cumsum(stats[:, cv2.CC_STAT_AREA])
    body = float(stats[np.searchsorted(reached, reached[-1] / 2), cv2.CC_STAT_HEIGHT])
    if body < 6:
        return 0, 0, width, height, 0.0
    room = round(8 + body)
    x, y, wide, tall = cv2.boundingRect(hand)
    left, top = max(0, x - room), max(0, y - room)
    return left, top, min(width, x + wide + room) - left, min(height, y + tall + room) - top, body


def load_page_network(content: bytes) -> PageNetwork:
    """Load the page network's LiteRT export and warm it. Raises ValueError if the content is not such a network."""
    side = 2 * MULTIPLE
    return LiteRTPageNetwork(load_network(content, "litert", (1, side, side, 1), (1, side, side, CLASSES)))


@lru_cache
def shipped_page_network() -> PageNetwork:
    """Load the project's page network, once per process."""
    return load_page_network(SHIPPED_PAGE_NETWORK.read_bytes())
