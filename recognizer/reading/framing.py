"""One digit's ink -> the 28 x 28 frame for the classifier. Training and serving both call `frame`."""

import cv2
import numpy as np

SIDE = 28
BODY = 20
"""Longest side of the digit inside its frame, in pixels, as in MNIST."""

FAINT = 0.15
"""Weaker ink is blur around a stroke and does not count towards a digit's extent."""

CENTRE = 14.0
"""Mean centre of mass of MNIST's training images, on both axes. It is not 13.5."""


def frame(ink: np.ndarray) -> np.ndarray:
    """Frame one digit as MNIST's were.

    The ink is cropped, scaled by area averaging to a longest side of 20 pixels, scaled to a maximum of 1.0, and placed
    with its centre of mass at the centre of 28 x 28 (LeCun, Cortes and Burges, "The MNIST database of handwritten
    digits").

    ink: float32 (h, w), 0.0 paper to 1.0 ink. Returns float32 (28, 28), all zeros if there is no ink.
    """
    x, y, width, height = extent(ink, FAINT)
    out = np.zeros((SIDE, SIDE), np.float32)
    if not width:
        return out
    scale = BODY / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    trimmed = ink[y : y + height, x : x + width]
    body = cv2.resize(trimmed, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    body = np.minimum(body / body.max(), 1.0)
    weight = body.sum()
    rows = body.sum(axis=1) @ np.arange(size[1], dtype=np.float32) / weight
    columns = body.sum(axis=0) @ np.arange(size[0], dtype=np.float32) / weight
    top = min(max(round(CENTRE - float(rows)), 0), SIDE - size[1])
    left = min(max(round(CENTRE - float(columns)), 0), SIDE - size[0])
    out[top : top + size[1], left : left + size[0]] = body
    return out


def extent(ink: np.ndarray, level: float) -> tuple[int, int, int, int]:
    """Return the bounding box of ink (h, w) above a level: x, y, width, height; all 0 if there is none."""
    if not ink.size:
        return 0, 0, 0, 0
    x, y, width, height = cv2.boundingRect((ink > level).view(np.uint8))
    return x, y, width, height
