"""Pictures that people upload: photographs of real digits, made in memory from MNIST's test images."""

import io
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

MNIST = Path(__file__).parents[3] / "training" / "data" / "mnist.npz"
PAPER = np.array([236, 230, 216], np.float32)
INK = np.array([40, 50, 95], np.float32)
"""The blue of a ballpoint pen."""
SIDE = 96
"""Pixels that a digit takes on a photograph."""


@cache
def mnist_test() -> tuple[np.ndarray, np.ndarray]:
    with np.load(MNIST) as arrays:
        return arrays["x_test"], arrays["y_test"]


def photograph(text: str, seed: int = 0) -> bytes:
    """Photograph digits on paper, a line of text for each line: uneven light, grain, blur, a slight turn. A JPEG."""
    rng = np.random.default_rng(seed)
    images, labels = mnist_test()
    lines = text.split("\n")
    ink = np.zeros((SIDE * (2 * len(lines) + 1), SIDE * (max(map(len, lines)) + 2)), np.float32)
    for row, line in enumerate(lines):
        for column, digit in enumerate(line):
            image = images[rng.choice(np.flatnonzero(labels == int(digit)))]
            large = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
            y, x = SIDE * (2 * row + 1), SIDE * (column + 1)
            ink[y : y + SIDE, x : x + SIDE] = large / 255
    height, width = ink.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), rng.uniform(-3, 3), 1)
    ink = cv2.warpAffine(ink, turn, (width, height))[..., None]
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    light = (1 - 0.35 * x * y)[..., None]
    page = cv2.GaussianBlur(light * (PAPER * (1 - ink) + INK * ink), (0, 0), 1) + rng.normal(0, 3, (height, width, 1))
    out = io.BytesIO()
    Image.fromarray(np.clip(page, 0, 255).astype(np.uint8)).save(out, "JPEG", quality=85)
    return out.getvalue()
