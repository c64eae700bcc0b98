"""A line of a photograph -> log-probabilities of digits by column, from the page's grey values.

Classifier, spotter and line reader read ink. Where it has a printed line in it, or lacks a pale stroke, all three see
the same fault. The grey reader sees the page itself, so it makes other mistakes. Its network has the line
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
"""Columns of the strip before and after the line's ink, for a stroke that the ink lacks."""

AROUND = (11, 11)
"""Window in which the paper's brightness is measured, in pixels of the strip. It is wider than a stroke."""

FULL, MIN_FULL = 0.97, 0.03
"""This quantile of the contrast becomes 1.0, unless it is below the second value."""

SHIPPED_GREY_READER = Path(__file__).with_name("grey.tflite")
"""Part of the reader, like its thresholds. A version replaces only the classifier."""


class GreyReader(Protocol):
    def read(self, page: np.ndarray, line: Line) -> np.ndarray:
        """Return log-probabilities float32 (n, 11) of 0 to 9 and blank for every STRIDE columns of the line's strip.

        page: uint8 (height, width), on which the line was found.
        """


def grey_strip(page: np.ndarray, line: Line, before: int = MARGIN, after: int = MARGIN) -> np.ndarray:
    """Cut a line out of its page, level and scaled as for the spotter: float32 (HEIGHT, w), 0.0 paper to 1.0 ink.

    before, after: columns of the strip to its left and right.
    """
    ink, scale = strip_of(line)
    grey = _level(page, line, scale, before, before + ink.shape[1] + after)
    if _is_light(grey[:, before : before + ink.shape[1]], ink):
        grey = 255 - grey
    # Without a blur first the closing follows the brightest grain of the paper.
    closed = cv2.morphologyEx(cv2.GaussianBlur(grey, (3, 3), 0), cv2.MORPH_CLOSE, np.ones(AROUND, np.uint8))
    paper = np.maximum(cv2.GaussianBlur(closed, AROUND, 0).astype(np.float32), 1)
    contrast = np.maximum(1 - grey / paper, 0)
    return np.minimum(contrast / max(float(np.quantile(contrast, FULL)), MIN_FULL), 1)


def _level(page: np.ndarray, line: Line, scale: float, before: int, width: int) -> np.ndarray:
    """Cut a line out of its page, from `before` columns left of its edge: uint8 (HEIGHT, width).

    scale: strip pixels per pixel of the line.
    """
    corners = np.array([[0, 0], [width, 0], [0, HEIGHT], [width, HEIGHT]], np.float32)
    across, down = (corners - (before, HEIGHT / 2)).T / scale
    places = np.column_stack(line.to_page(across, line.middle + down))
    x, y = np.clip(np.floor(places.min(axis=0)).astype(int) - 2, 0, np.array(page.shape[::-1]) - 1)
    right, bottom = np.ceil(places.max(axis=0)).astype(int) + 3
    part = page[y : max(bottom, y + 1), x : max(right, x + 1)]
    # Shrunk first, because warping alone would skip pixels.
    pixel = max(1.0, line.scale / scale)
    size = [max(1, round(side / pixel)) for side in part.shape[::-1]]
    places = (places - (x, y)) * size / part.shape[::-1]
    part = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    matrix = cv2.getAffineTransform(corners[:3], places[:3].astype(np.float32))
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(part, matrix, (width, HEIGHT), flags=how, borderMode=cv2.BORDER_REPLICATE))


def _is_light(grey: np.ndarray, ink: np.ndarray) -> bool:
    """Tell whether the ink, float32 (h, w), is lighter than the paper around it, uint8 (h, w)."""
    inked, paper = grey[ink > 0.5], grey[ink < 0.05]
    return bool(inked.size and paper.size and inked.mean() > paper.mean())


class NetworkGreyReader:
    """Reads grey strips with a network of the spotter's shape."""

    def __init__(self, strips: NetworkSpotter) -> None:
        self._strips = strips

    def read(self, page: np.ndarray, line: Line) -> np.ndarray:
        return self._strips.columns_of(grey_strip(page, line))


def load_grey_reader(content: bytes) -> GreyReader:
    """Load the grey reader's LiteRT export and warm it. Raises ValueError if the content is not such a network."""
    return NetworkGreyReader(load_spotter(content))


@lru_cache
def shipped_grey_reader() -> GreyReader:
    """Load the project's grey reader, once per process."""
    return load_grey_reader(SHIPPED_GREY_READER.read_bytes())
