"""Photographed pages with the class of each pixel, to train the page network."""

import numpy as np

from recognizer.reading.page import CLASSES, HANDWRITING, PRINT, normalised

from .datasets import Examples
from .near import near_scene
from .pages import Sources, make_scene
from .pen import CHOOSING, LEARNING

SHAPES = ((256, 256), (128, 256), (192, 192), (96, 256), (256, 160), (160, 256), (128, 160))
"""Heights and widths of the pages of successive batches."""

NEAR = 0.8
"""Share of pages that show one number or a few fields, as most pictures do. The others show whole sheets."""

WEIGHTS = np.ones(CLASSES, np.float32)
WEIGHTS[HANDWRITING], WEIGHTS[PRINT] = 4.0, 2.5
"""Weight of a pixel of each class in the loss: strokes and lines have few pixels compared with paper."""


def page_batch(
    examples: Examples, batch_size: int, seed: int, number: int, writers: range = LEARNING
) -> tuple[np.ndarray, np.ndarray]:
    """Make the training batch with a number: pages float32 (b, h, w) and classes uint8 (b, h, w).

    batch_size: pages of 256 x 256 pixels; of smaller pages there are more.
    """
    sources = Sources(examples.images, examples.labels, writers)
    height, width = SHAPES[number % len(SHAPES)]
    count = max(1, batch_size * 256 * 256 // (height * width))
    pages = np.empty((count, height, width), np.float32)
    classes = np.empty((count, height, width), np.uint8)
    for row in range(count):
        rng = np.random.default_rng((seed, number, row))
        make = near_scene if rng.random() < NEAR else make_scene
        scene = make(sources, height, width, rng)
        pages[row], classes[row] = normalised(scene.page), scene.classes
    return pages, classes


def page_validation(examples: Examples) -> tuple[np.ndarray, np.ndarray]:
    """Make validation pages, by writers that are not in the training set."""
    return page_batch(examples, 48, 0, 0, CHOOSING)


def weighted(classes: np.ndarray) -> np.ndarray:
    """One-hot classes, each scaled by its weight in the loss: uint8 (n, h, w) -> float32 (n, h, w, 4)."""
    return np.diag(WEIGHTS)[classes]
