"""Pages made in memory for the reading's tests."""

import numpy as np
from PIL import Image, ImageDraw

from recognizer.reading.page import CLASSES, UNCHANGED, Page, View


class FakeNetwork:
    """Returns the true classes of a synthetic page."""

    def __init__(self, classes: np.ndarray) -> None:
        self.masks = np.eye(CLASSES, dtype=np.float32)[classes]

    def see(self, page: np.ndarray, view: View = UNCHANGED) -> Page:
        return Page(self.masks, 0, 0, page.shape[1], page.shape[0], self.masks, page.shape)


def drawn(strokes: list[list[tuple[int, int]]], size: tuple[int, int] = (200, 200), pen: int = 12) -> np.ndarray:
    """Black strokes of a round pen on a white page: uint8 (height, width)."""
    image = Image.new("L", size, 255)
    draw = ImageDraw.Draw(image)
    for stroke in strokes:
        draw.line(stroke, fill=0, width=pen, joint="curve")
    return np.asarray(image)


def on_page(digit: np.ndarray, x: int, y: int, size: tuple[int, int], times: int = 1) -> np.ndarray:
    """An MNIST image, enlarged, black on a white page with its corner at (x, y)."""
    page = np.full((size[1], size[0]), 255, np.uint8)
    big = np.kron(digit, np.ones((times, times), np.uint8))
    page[y : y + big.shape[0], x : x + big.shape[1]] -= big
    return page
