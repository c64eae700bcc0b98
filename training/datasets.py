"""Where examples come from: MNIST, its split, and batches augmented ahead of the network in processes of their own."""

import multiprocessing
from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from recognizer.reading.classifier import CLASSES, NOT_A_DIGIT
from recognizer.reading.framing import SIDE, frame

from .augmentation import augment, restyle
from .nondigits import beside_a_neighbour, draw_nondigit
from .strokes import draw_digit

MNIST_PATH = Path(__file__).parent / "data" / "mnist.npz"
VALIDATION = 5_000

NONDIGITS, DRAWN, RESTYLED, BESIDE = 0.15, 0.2, 0.35, 0.12
"""Shares: of examples that are no digit, of digits drawn from stroke templates, of 1s and 7s restyled (of 0s a
fifth of it), and of digits with a sliver of a neighbour."""


@dataclass(frozen=True)
class Examples:
    """Images uint8 (n, 28, 28) as MNIST has them, white on black, and labels uint8 (n,)."""

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Mnist:
    train: Examples
    validation: Examples
    test: Examples


def load_mnist(path: Path = MNIST_PATH) -> Mnist:
    """Load MNIST: 55,000 to train, the last 5,000 of the training set to choose, 10,000 for the final report."""
    with np.load(path) as arrays:
        images, labels = arrays["x_train"], arrays["y_train"]
        return Mnist(
            train=Examples(images[:-VALIDATION], labels[:-VALIDATION]),
            validation=Examples(images[-VALIDATION:], labels[-VALIDATION:]),
            test=Examples(arrays["x_test"], arrays["y_test"]),
        )


def framed(images: np.ndarray) -> np.ndarray:
    """Frame MNIST images as the reader would. uint8 (n, 28, 28) -> float32 (n, 28, 28)."""
    return np.stack([frame(image.astype(np.float32) / 255) for image in images])


def augmented(examples: Examples, indices: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Make one training batch: an example or its stand-in for each index, the same for the same seed.

    Returns frames float32 (n, 28, 28) and labels int64 (n,), with 10 for "not one digit".
    """
    rng = np.random.default_rng(seed)
    frames = np.empty((len(indices), SIDE, SIDE), np.float32)
    labels = examples.labels[indices].astype(np.int64)
    for row, index in enumerate(indices):
        kind = rng.random()
        if kind < NONDIGITS:
            labels[row] = NOT_A_DIGIT
            ink = draw_nondigit(examples.images, examples.labels, rng)
        elif kind < NONDIGITS + DRAWN:
            ink = draw_digit(int(labels[row]), 60, rng)
        else:
            ink = examples.images[index].astype(np.float32) / 255
            share = RESTYLED if labels[row] in (1, 7) else RESTYLED / 5
            if labels[row] in (0, 1, 7) and rng.random() < share:
                ink = restyle(ink, int(labels[row]), rng)
            elif rng.random() < BESIDE:
                ink = beside_a_neighbour(ink, examples.images, rng)
        frames[row] = augment(ink, rng)
    return frames, labels


_examples: Examples | None = None


def _adopt(examples: Examples) -> None:
    """Keep the examples in the worker process, so that a task carries indices only."""
    global _examples
    _examples = examples
    cv2.setNumThreads(1)


def _augmented(indices: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    assert _examples is not None
    return augmented(_examples, indices, seed)


def stream(
    examples: Examples, batch_size: int, seed: int, start: int = 0, workers: int = 2
) -> Generator[tuple[np.ndarray, np.ndarray], None, None]:
    """Yield augmented batches without end, made ahead by worker processes.

    A batch depends on the seed and its number alone, so a resumed training continues the same stream
    from batch `start`. Yields frames float32 (b, 28, 28, 1) and one-hot labels float32 (b, 11).
    """
    per_epoch = len(examples) // batch_size
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_adopt, initargs=(examples,)) as pool:
        ahead: deque[Future[tuple[np.ndarray, np.ndarray]]] = deque()
        number = start
        order, order_epoch = np.empty(0, int), -1
        while True:
            while len(ahead) < 4 * workers:
                epoch, step = divmod(number, per_epoch)
                if epoch != order_epoch:
                    order, order_epoch = (
                        np.random.default_rng((seed, epoch)).permutation(len(examples)),
                        epoch,
                    )
                indices = order[step * batch_size : (step + 1) * batch_size]
                ahead.append(pool.submit(_augmented, indices, seed * 1_000_003 + number))
                number += 1
            frames, labels = ahead.popleft().result()
            yield frames[..., None], np.eye(CLASSES, dtype=np.float32)[labels]
