"""One digit's ink -> the 28 x 28 frame the network sees. Training and serving both call `frame`."""

import cv2
import numpy as np

SIDE = 28
BODY = 20
"""Longest side of the digit inside its frame, in pixels, as in MNIST."""

FAINT = 0.15
"""Ink weaker than this is blur around a stroke and does not count towards a digit's extent."""

# Centres of mass of MNIST's images lie here (mean of the training set, both axes), not at 13.5.
CENTRE = 14.0


def frame(ink: np.ndarray) -> np.ndarray:
    """Frame one digit as MNIST's were made.

    The ink is trimmed to its extent, scaled by area averaging until its longest side is 20 pixels,
    brought to full strength and laid with its centre of mass at the centre of 28 x 28 (LeCun, Cortes
    and Burges, "The MNIST database of handwritten digits").

    ink: float32 (h, w), 0.0 paper to 1.0 ink. Returns float32 (28, 28), all zero where there is no ink.
    """
    trimmed = _trim(ink)
    out = np.zeros((SIDE, SIDE), np.float32)
    if trimmed.size == 0:
        return out
    height, width = trimmed.shape
    scale = BODY / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    body = cv2.resize(trimmed, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    body = np.minimum(body / body.max(), 1.0)
    weight = body.sum()
    rows = body.sum(axis=1) @ np.arange(size[1], dtype=np.float32) / weight
    columns = body.sum(axis=0) @ np.arange(size[0], dtype=np.float32) / weight
    top = int(np.clip(round(CENTRE - float(rows)), 0, SIDE - size[1]))
    left = int(np.clip(round(CENTRE - float(columns)), 0, SIDE - size[0]))
    out[top : top + size[1], left : left + size[0]] = body
    return out


def _trim(ink: np.ndarray) -> np.ndarray:
    """Cut away the margins in which all ink is faint."""
    solid = ink > FAINT
    rows = np.flatnonzero(solid.any(axis=1))
    if rows.size == 0:
        return ink[:0, :0]
    columns = np.flatnonzero(solid.any(axis=0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
