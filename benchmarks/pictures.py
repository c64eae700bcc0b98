"""Pictures for the benchmarks, made from MNIST's test digits, the same in every run."""

import io
from functools import lru_cache

import cv2
import numpy as np
from PIL import Image

from training.synthesis.datasets import Examples, load_mnist

SEED = 5


def drawn_digit(seed: int = SEED) -> bytes:
    """Draw one digit on a canvas, as the drawing page sends it: PNG, 400 x 300. Another seed draws another digit."""
    page = np.full((300, 400), 255, np.float32)
    digit = _enlarged(row_of_digits(1, 0, np.random.default_rng(seed)), 8)
    page[30 : 30 + digit.shape[0], 120 : 120 + digit.shape[1]] = 255 * (digit < 0.5)
    return _encoded(page, "PNG")


def cheque() -> bytes:
    """Draw seven digits, some touching, on patterned paper with a printed rule: PNG, 360 x 110."""
    rng = np.random.default_rng(SEED)
    ink = np.zeros((110, 360), np.float32)
    row = _enlarged(row_of_digits(7, -1, rng), 2)
    ink[24 : 24 + row.shape[0], 24 : 24 + row.shape[1]] = row
    y, x = np.mgrid[:110, :360]
    page = (215 + 12 * np.sin(x / 3 + 4 * np.sin(y / 9)) + 6 * np.sin(y / 2)) * (1 - 0.65 * ink)
    page[-14:-12] = 120
    return _encoded(page + rng.normal(0, 3, page.shape), "PNG")


def photo() -> bytes:
    """Draw three lines of six digits on unevenly lit paper: JPEG, 4000 x 3000, 12 megapixels."""
    rng = np.random.default_rng(SEED)
    ink = np.zeros((3000, 4000), np.float32)
    for top in (500, 1300, 2100):
        row = _enlarged(row_of_digits(6, 6, rng), 12)
        ink[top : top + row.shape[0], 600 : 600 + row.shape[1]] = row
    y, x = np.mgrid[0:1:3000j, 0:1:4000j]
    page = (225 - 90 * x * y - 30 * y) * (1 - 0.6 * ink)
    return _encoded(page + rng.normal(0, 4, page.shape), "JPEG")


def row_of_digits(count: int, gap: int, rng: np.random.Generator) -> np.ndarray:
    """Place digits in a row, `gap` pixels apart; negative gaps overlap. Returns float32 (28, w), ink 1.0."""
    test = _test_digits()
    digits = []
    for image in test.images[rng.integers(0, len(test), count)]:
        inked = np.flatnonzero(image.any(axis=0))
        digits.append(image[:, inked[0] : inked[-1] + 1].astype(np.float32) / 255)
    row = np.zeros((28, sum(digit.shape[1] + gap for digit in digits) - gap), np.float32)
    left = 0
    for digit in digits:
        place = row[:, left : left + digit.shape[1]]
        np.maximum(place, digit, out=place)
        left += digit.shape[1] + gap
    return row


@lru_cache
def _test_digits() -> Examples:
    return load_mnist().test


def _enlarged(ink: np.ndarray, times: int) -> np.ndarray:
    return np.asarray(cv2.resize(ink, None, fx=times, fy=times, interpolation=cv2.INTER_CUBIC))


def _encoded(page: np.ndarray, kind: str) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.clip(page, 0, 255).astype(np.uint8)).save(out, kind)
    return out.getvalue()
