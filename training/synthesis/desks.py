"""Backgrounds that pages lie on: wood, cloth, stone, clutter, and textures shipped with libraries."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import skimage

TRAINING = (
    *("plain", "wood", "cloth", "stone", "clutter", "tiles", "cracks", "strokes") * 2,
    *("gravel", "coffee", "astronaut", "chelsea", "coins", "ihc", "motorcycle_left", "moon"),
)
"""Backgrounds to train on. The generated ones come twice as often as each picture."""

HELD_OUT = ("planks", "marble", "brick", "grass", "camera")
"""Backgrounds that no network was trained on, for evaluation."""


def desk(kind: str, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Make a background of a kind: float32 (height, width), 0.0 black to 1.0 white, at any brightness and contrast."""
    made = MAKERS[kind](height, width, rng) if kind in MAKERS else _piece(kind, height, width, rng)
    made = made - float(made.mean())
    made /= max(float(made.std()), 1e-3)
    if rng.random() < 0.5:
        made = -made
    level = rng.uniform(0.04, 0.85)
    return np.asarray(np.clip(level * np.exp(made * rng.uniform(0.04, 0.35)), 0.01, 1), np.float32)


def noise(height: int, width: int, rng: np.random.Generator, grain: float, across: float | None = None) -> np.ndarray:
    """Make smooth noise with spots `grain` pixels high and `across` (or as many) wide: float32, about -1 to 1."""
    rows, columns = int(height / grain) + 3, int(width / (across or grain)) + 3
    small = rng.standard_normal((rows, columns), np.float32) * np.float32(0.6)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def fractal(height: int, width: int, rng: np.random.Generator, coarsest: float, octaves: int = 4) -> np.ndarray:
    """Sum noise of several octaves, each half as coarse and weaker than the one before."""
    fade = rng.uniform(0.4, 0.9)
    layers = [fade**o * noise(height, width, rng, max(1.0, coarsest / 2**o)) for o in range(octaves)]
    return np.asarray(sum(layers), np.float32)


def _plain(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    return noise(height, width, rng, max(height, width) / 2) + np.float32(0.1) * noise(height, width, rng, 2)


def _turned(height: int, width: int, rng: np.random.Generator, make: Callable[[int, int], np.ndarray]) -> np.ndarray:
    """Make a texture larger than needed, rotate it and crop it."""
    side = int(1.5 * max(height, width))
    turn = cv2.getRotationMatrix2D((side / 2, side / 2), rng.uniform(0, 180), rng.uniform(1, 2))
    turned = cv2.warpAffine(make(side, side), turn, (side, side), borderMode=cv2.BORDER_REFLECT)
    top, left = (side - height) // 2, (side - width) // 2
    return turned[top : top + height, left : left + width]


def _wood(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    def make(rows: int, columns: int) -> np.ndarray:
        y = np.arange(rows, dtype=np.float32)[:, None]
        bend = rng.uniform(2, 25) * noise(rows, columns, rng, rng.uniform(40, 200), rng.uniform(150, 500))
        rings = np.sin((y + bend) / rng.uniform(1.5, 9))
        fibres = noise(rows, columns, rng, rng.uniform(1, 3), rng.uniform(20, 80))
        return np.asarray(rng.uniform(0.2, 1) * rings + fibres + noise(rows, columns, rng, 30, 200), np.float32)

    return _turned(height, width, rng, make)


def _planks(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    def make(rows: int, columns: int) -> np.ndarray:
        out = 0.7 * noise(rows, columns, rng, rng.uniform(1, 4), rng.uniform(40, 120))
        out += 0.7 * noise(rows, columns, rng, rng.uniform(4, 12), 250)
        plank = int(rng.integers(24, 120))
        for y in range(0, rows, plank):
            out[y : y + plank] += rng.normal(0, 0.6)
            out[y : y + 2] -= 2
        return np.asarray(out, np.float32)

    return _turned(height, width, rng, make)


def _cloth(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    def make(rows: int, columns: int) -> np.ndarray:
        period = rng.uniform(2.5, 14)
        x, y = np.arange(columns, dtype=np.float32)[None], np.arange(rows, dtype=np.float32)[:, None]
        weave = np.sin(2 * np.pi * x / period) + rng.uniform(0, 1) * np.sin(2 * np.pi * y / period)
        if rng.random() < 0.3:
            weave = np.sign(weave)
        return np.asarray(weave + rng.uniform(0.3, 2) * noise(rows, columns, rng, 40), np.float32)

    return _turned(height, width, rng, make)


def _stone(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    return fractal(height, width, rng, rng.uniform(4, 90), 5)


def _marble(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    veins = -np.abs(fractal(height, width, rng, rng.uniform(40, 160), 5))
    return np.asarray(np.exp(4 * veins), np.float32)


def _clutter(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Draw objects on a desk: keys, books, cables, coins."""
    out = 0.3 * noise(height, width, rng, 30)
    for _ in range(int(rng.integers(3, 25))):
        x, y = int(rng.integers(-20, width)), int(rng.integers(-20, height))
        size = rng.uniform(0.03, 0.5) * max(height, width) * rng.uniform(0.3, 1, 2)
        box = (x, y), (float(size[0]), float(size[1])), float(rng.uniform(0, 180))
        tone = float(rng.normal(0, 1))
        match int(rng.integers(3)):
            case 0:
                cv2.fillConvexPoly(out, np.round(cv2.boxPoints(box)).astype(np.int32), tone, cv2.LINE_8)
            case 1:
                cv2.ellipse(out, box, tone, -1)
            case 2:
                cv2.ellipse(out, box, tone, int(rng.integers(1, 6)))
    return np.asarray(out + 0.1 * noise(height, width, rng, 1.5), np.float32)


def _tiles(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Draw tiles or bricks of different tones, with darker or lighter joints."""

    def make(rows: int, columns: int) -> np.ndarray:
        tall = int(rng.integers(12, 120))
        wide = int(tall * rng.uniform(1, 3))
        y, x = np.mgrid[0:rows, 0:columns]
        course = y // tall
        x = x + course % 2 * int(wide * rng.choice([0, 0.5]))
        tones = rng.normal(0, rng.uniform(0, 0.8), (rows // tall + 1, (columns + wide) // wide + 2))
        out = tones[course, x // wide].astype(np.float32) + 0.3 * fractal(rows, columns, rng, 30, 4)
        joint = max(1, round(tall * rng.uniform(0.03, 0.15)))
        out[(y % tall < joint) | (x % wide < joint)] += rng.choice([-1, 1]) * rng.uniform(0.5, 3)
        return cv2.GaussianBlur(out, (0, 0), rng.uniform(0.4, 1.5))

    return _turned(height, width, rng, make)


def _cracks(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Draw lines between irregular cells, as on leather, dry earth and leaves."""
    points = np.full((height, width), 255, np.uint8)
    count = int(height * width / rng.uniform(8, 60) ** 2) + 2
    points[rng.integers(0, height, count), rng.integers(0, width, count)] = 0
    _, cells = cv2.distanceTransformWithLabels(points, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    edges = cv2.morphologyEx(cells.astype(np.float32), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    lines = cv2.GaussianBlur(edges.astype(np.float32), (0, 0), rng.uniform(0.5, 3))
    bend = [(6 * noise(height, width, rng, 20)).astype(np.float32) for _ in range(2)]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    lines = cv2.remap(lines, x + bend[0], y + bend[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    tones = rng.uniform(0, 0.3) * rng.standard_normal(int(cells.max()) + 1)[cells]
    return np.asarray(4 * lines + tones + 0.3 * noise(height, width, rng, 8), np.float32)


def _strokes(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Draw strokes that are not writing: straw, hair, cables, scratches, leaves."""
    out = 0.4 * fractal(height, width, rng, 60, 4)
    length, thick = rng.uniform(8, 200), int(rng.integers(1, 7))
    turn, spread = rng.uniform(0, np.pi), rng.choice([0.1, 0.5, 3.0])
    for _ in range(int(rng.integers(10, 250))):
        angle = turn + rng.normal(0, spread) + np.cumsum(rng.normal(0, 0.3, 6))
        steps = length / 6 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        points = np.array([rng.uniform(0, width), rng.uniform(0, height)]) + np.cumsum(steps, axis=0)
        cv2.polylines(out, [np.round(points).astype(np.int32)], False, float(rng.normal(0, 1.5)), thick)
    return cv2.GaussianBlur(out, (0, 0), rng.uniform(0.3, 1.2))


MAKERS: dict[str, Callable[[int, int, np.random.Generator], np.ndarray]] = {
    "plain": _plain,
    "wood": _wood,
    "planks": _planks,
    "cloth": _cloth,
    "stone": _stone,
    "marble": _marble,
    "clutter": _clutter,
    "tiles": _tiles,
    "cracks": _cracks,
    "strokes": _strokes,
}


@lru_cache
def _picture(name: str) -> np.ndarray:
    """Load a picture shipped with scikit-image as grey: uint8 (h, w)."""
    picture = cv2.imread(str(Path(skimage.__file__).parent / "data" / f"{name}.png"), cv2.IMREAD_GRAYSCALE)
    if picture is None:
        raise FileNotFoundError(f"scikit-image no longer ships {name}.png")
    return picture


def _piece(name: str, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    picture = _picture(name)
    share = rng.uniform(0.3, 1)
    rows, columns = max(16, int(share * picture.shape[0])), max(16, int(share * picture.shape[1]))
    top = int(rng.integers(picture.shape[0] - rows + 1))
    left = int(rng.integers(picture.shape[1] - columns + 1))
    piece = cv2.resize(picture[top : top + rows, left : left + columns], (width, height), interpolation=cv2.INTER_AREA)
    return piece.astype(np.float32) / 255
