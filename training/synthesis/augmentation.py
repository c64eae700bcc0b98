"""Augmentation of digit images: other handwriting, other pens, other paper.

All changes are made on a canvas finer than MNIST's and end in the reader's own `frame`, so the network trains on
exactly what it reads in service.
"""

import cv2
import numpy as np
from skimage.morphology import skeletonize

from recognizer.reading.framing import frame

CANVAS = 80
"""Side of the square in which ink is distorted and redrawn, in pixels; a digit takes about 50 of them."""

BODY = 50

MILDLY = 0.6
"""Strength of a mild distortion; a full one has 1.0."""


def augment(ink: np.ndarray, rng: np.random.Generator, mild: float = 0.3) -> np.ndarray:
    """Distort, redraw and degrade one shape, then frame it.

    ink: float32 (h, w), 0.0 paper to 1.0 ink. mild: share of shapes with a mild distortion only, because most digits
    that are read are written well. Returns float32 (28, 28).
    """
    if rng.random() < mild:
        return frame(bend(ink, rng, strength=MILDLY))
    framed = frame(degrade(redraw(bend(ink, rng), rng), rng))
    if not framed.any():
        return frame(ink)
    if rng.random() < 0.3:
        framed = np.roll(framed, rng.integers(-1, 2, 2), axis=(0, 1))
    return framed


def bend(ink: np.ndarray, rng: np.random.Generator, strength: float = 1.0) -> np.ndarray:
    """Apply a random affine map and a smooth elastic one (Simard, Steinkraus and Platt, 2003) in one resampling.

    Rotations are small: beyond about 15 degrees a 6 and a 9, or a 1 and a 7, become hard to tell apart. Returns float32
    (80, 80).
    """
    height, width = ink.shape
    angle = np.deg2rad(strength * np.clip(rng.normal(0, 7), -16, 16))
    shear = strength * np.clip(rng.normal(0, 0.15), -0.4, 0.4)
    stretch = np.exp(strength * np.clip(rng.normal(0, 0.12, 2), -0.3, 0.3))
    scale = max(height, width) / BODY / stretch
    cos, sin = np.cos(angle), np.sin(angle)
    matrix = np.array([[cos, -sin], [sin, cos]]) @ np.array([[1, shear], [0, 1]]) * scale[:, None]
    pull = strength * rng.choice([0.0, 1.0, 2.2]) * rng.random()
    pulls = rng.normal(0, pull * max(height, width) / BODY, (5, 5, 2)).astype(np.float32)
    displacement = cv2.resize(pulls, (CANVAS, CANVAS), interpolation=cv2.INTER_CUBIC)
    axis = np.arange(CANVAS, dtype=np.float32) - (CANVAS - 1) / 2
    x, y = axis[None, :], axis[:, None]
    map_x = (matrix[0, 0] * x + matrix[0, 1] * y + (width - 1) / 2 + displacement[..., 0]).astype(np.float32)
    map_y = (matrix[1, 0] * x + matrix[1, 1] * y + (height - 1) / 2 + displacement[..., 1]).astype(np.float32)
    return np.clip(cv2.remap(ink, map_x, map_y, cv2.INTER_CUBIC), 0, 1)


def redraw(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Change the pen: keep it, thicken it, thin it, or draw the skeleton again with a round nib."""
    pen = rng.random()
    if pen < 0.35:
        return ink
    if pen < 0.5:
        return cv2.dilate(ink, disc(int(rng.integers(2, 8))))
    if pen < 0.65:
        thinned = cv2.erode(ink, disc(int(rng.integers(2, 5))))
        return thinned if thinned.sum() > 0.35 * ink.sum() else ink
    skeleton = skeletonize(ink > 0.4).astype(np.float32)
    return cv2.GaussianBlur(cv2.dilate(skeleton, disc(int(rng.integers(1, 12)))), (3, 3), 0.7)


def degrade(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blur, coarsen, fade, roughen or clip the ink, each with some probability."""
    if rng.random() < 0.35:
        ink = cv2.GaussianBlur(ink, (0, 0), rng.uniform(0.4, 2.2))
    if rng.random() < 0.15:
        ink = coarsen(ink, rng)
    if rng.random() < 0.3:
        ink = ink ** np.float32(rng.uniform(0.5, 1.7))
    if rng.random() < 0.15:
        grain = rng.normal(1, rng.uniform(0.05, 0.3), ink.shape).astype(np.float32)
        ink = np.clip(ink * cv2.GaussianBlur(grain, (3, 3), 0.8), 0, 1)
    if rng.random() < 0.04:
        ink = clip_edge(ink, rng)
    return ink


def coarsen(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Scan at a low resolution, mostly as pure black on white."""
    side = int(rng.integers(22, 48))
    small = cv2.resize(ink, (side, side), interpolation=cv2.INTER_AREA)
    if rng.random() < 0.7:
        small = (small > rng.uniform(0.3, 0.55)).astype(np.float32)
    how = cv2.INTER_NEAREST if rng.random() < 0.6 else cv2.INTER_LINEAR
    return cv2.resize(small, (CANVAS, CANVAS), interpolation=how)


def clip_edge(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Remove a few pixels at one side, as a tight crop does."""
    rows, columns = np.flatnonzero(ink.max(axis=1) > 0.3), np.flatnonzero(ink.max(axis=0) > 0.3)
    if rows.size == 0:
        return ink
    ink = ink.copy()
    cut = int(rng.integers(1, 5))
    match int(rng.integers(4)):
        case 0:
            ink[: rows[0] + cut] = 0
        case 1:
            ink[rows[-1] + 1 - cut :] = 0
        case 2:
            ink[:, : columns[0] + cut] = 0
        case 3:
            ink[:, columns[-1] + 1 - cut :] = 0
    return ink


def restyle(ink: np.ndarray, label: int, rng: np.random.Generator) -> np.ndarray:
    """Add strokes of other writing styles: a bar to the 7, a foot or a flag to the 1, a slash to the 0.

    ink: float32 (h, w) of one upright digit. Returns float32, larger by a margin.
    """
    ink = cv2.copyMakeBorder(cv2.resize(ink, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC), 8, 8, 8, 8, 0)
    solid = ink > 0.4
    rows, columns = np.flatnonzero(solid.any(axis=1)), np.flatnonzero(solid.any(axis=0))
    if rows.size < 20:
        return ink
    top, bottom, left, right = rows[0], rows[-1], columns[0], columns[-1]
    height = bottom - top
    nib = max(1, round(1.6 * float(cv2.distanceTransform(solid.astype(np.uint8), cv2.DIST_L2, 3).max())))

    def line(x0: float, y0: float, x1: float, y1: float) -> None:
        ends = [(round(x * 16), round(y * 16)) for x, y in ((x0, y0), (x1, y1))]
        cv2.line(ink, ends[0], ends[1], 1.0, nib, cv2.LINE_AA, 4)

    def middle(y: int) -> float:
        return float(np.flatnonzero(solid[y]).mean()) if solid[y].any() else (left + right) / 2

    match label:
        case 7:
            y = int(top + height * rng.uniform(0.42, 0.62))
            x, reach, tilt = middle(y), height * rng.uniform(0.16, 0.4), height * rng.normal(0, 0.06)
            line(x - reach, y + tilt, x + reach, y - tilt)
        case 1 if right - left < 0.5 * height:
            if rng.random() < 0.4:
                x, reach = middle(bottom - 1), height * rng.uniform(0.15, 0.55)
                line(x - reach, bottom, x + reach, bottom + height * rng.normal(0, 0.03))
            if rng.random() < 0.8:
                x, reach = middle(top + 1), height * rng.uniform(0.12, 0.5)
                # A flag longer than it is deep makes a 7; one may come down as far as the stem.
                line(x, top + 1, x - reach, top + min(reach * rng.uniform(1.0, 2.2), height))
        case 0:
            line(
                right + rng.normal(0, 2),
                top + rng.normal(2, 2),
                left + rng.normal(0, 2),
                bottom + rng.normal(-2, 2),
            )
    return np.clip(ink, 0, 1)


def disc(diameter: int) -> np.ndarray:
    """Return a round structuring element with a diameter in pixels."""
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (diameter, diameter))
