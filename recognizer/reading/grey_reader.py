"""A line of a photograph -> log-probabilities of digits by column, from the page's grey values.

The other networks read ink. Where the ink has a printed line in it, or lacks a pale stroke, they all see the same
fault. The grey reader sees the page as it was photographed, so it makes other mistakes. Its network has the line
reader's architecture and started from its weights (`manage.py train grey`).
"""

from functools import lru_cache
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from .lines import Line
from .spotter import HEIGHT, NetworkSpotter, load_spotter, strip_of

MARGIN = 8
"""Columns of the page before and after the line's ink, in which a lost stroke may be."""

AROUND = (11, 11)
"""Window for the brightness of the paper, in pixels of the strip: more than the width of a stroke."""

FULL, MIN_FULL = 0.97, 0.03
"""Quantile of the contrast that becomes 1.0, and the smallest contrast that is stretched so far."""

SHIPPED_GREY_READER = Path(__file__).with_name("grey.tflite")
"""Part of the reader, like its thresholds. A version replaces only the classifier."""


class GreyReader(Protocol):
    def read(self, page: np.ndarray, line: Line) -> np.ndarray:
        """Return log-probabilities float32 (n, 11) of 0 to 9 and blank for every STRIDE columns of the line's strip.

        page: uint8 (height, width), on which the line was found.
        """


def grey_strip(page: np.ndarray, line: Line, before: int = MARGIN, after: int = MARGIN) -> np.ndarray:
    """Cut a line out of its page, level and scaled as for the spotter: float32 (HEIGHT, w), 0.0 paper to 1.0 ink.

    before, after: columns of the page to its left and right.
    """
    ink, scale = strip_of(line)
    grey = _level(page, line, scale, (before, ink.shape[1] + after))
    if _is_light(grey[:, before : before + ink.shape[1]], ink):
        grey = 255 - grey
    # Without a blur first the closing follows the brightest grain of the paper.
    closed = cv2.morphologyEx(cv2.GaussianBlur(grey, (3, 3), 0), cv2.MORPH_CLOSE, np.ones(AROUND, np.uint8))
    paper = np.maximum(cv2.GaussianBlur(closed, AROUND, 0).astype(np.float32), 1)
    contrast = np.maximum(1 - grey / paper, 0)
    return np.minimum(contrast / max(float(np.quantile(contrast, FULL)), MIN_FULL), 1)


def _level(page: np.ndarray, line: Line, scale: float, columns: tuple[int, int]) -> np.ndarray:
    """Cut a line out of its page: uint8 (HEIGHT, w). columns: how far it reaches from the line's left edge."""
    first, end = -columns[0], columns[1]
    pixel = line.scale / scale
    left, top = line.to_page(first / scale, line.middle - HEIGHT / 2 / scale)
    across = pixel * np.array([np.cos(line.angle), np.sin(line.angle)])
    down = pixel * np.array([-np.sin(line.angle), np.cos(line.angle)])
    width = end - first
    corners = np.array([left, top]) + np.array([across * x + down * y for x in (0, width) for y in (0, HEIGHT)])
    x, y = np.clip(np.floor(corners.min(axis=0)).astype(int) - 2, 0, np.array(page.shape[::-1]) - 1)
    right, bottom = np.ceil(corners.max(axis=0)).astype(int) + 3
    part = page[y : max(bottom, y + 1), x : max(right, x + 1)]
    size = [max(1, round(side / max(1.0, pixel))) for side in part.shape[::-1]]
    shrunk = np.array(size) / part.shape[::-1]
    part = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    matrix = np.column_stack([across * shrunk, down * shrunk, (np.array([left, top]) - (x, y)) * shrunk])
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(part, matrix, (width, HEIGHT), flags=how, borderMode=cv2.BORDER_REPLICATE))


def _is_light(grey: np.ndarray, ink: np.ndarray) -> bool:
    """Tell whether the ink, float32 (h, w), is lighter than the paper around it, uint8 (h, w)."""
    inked, paper = grey[ink > 0.5], grey[ink < 0.05]
    return bool(inked.size and paper.size and inked.mean() > paper.mean())


class NetworkGreyReader:
    """Reads with a network from strips (n, HEIGHT, w, 1) to probabilities (n, w / STRIDE, 11)."""

    def __init__(self, network: NetworkSpotter) -> None:
        self._network = network

    def read(self, page: np.ndarray, line: Line) -> np.ndarray:
        return self._network.columns_of(grey_strip(page, line))


def load_grey_reader(content: bytes) -> GreyReader:
    """Load the grey reader's LiteRT export and warm it. Raises ValueError if the content is not such a network."""
    return NetworkGreyReader(load_spotter(content))


@lru_cache
def shipped_grey_reader() -> GreyReader:
    """Load the project's grey reader, once per process."""
    return load_grey_reader(SHIPPED_GREY_READER.read_bytes())
