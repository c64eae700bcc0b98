"""MNIST and its split, and batches that worker processes augment ahead of the network."""

import multiprocessing
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import count
from pathlib import Path

import cv2
import numpy as np

from recognizer.reading.classifier import CLASSES, NOT_A_DIGIT
from recognizer.reading.framing import SIDE, frame

from .augmentation import augment, restyle
from .negatives import beside_a_neighbour, draw_nondigit
from .numbers import Hands, load_hands, pen_digit, written
from .pen import LEARNING as LEARNING_WRITERS
from .rows import Row, cut_runs, write_row
from .strokes import draw_digit

MNIST_PATH = Path(__file__).parents[1] / "data" / "mnist.npz"
VALIDATION = 5_000

RESTYLED, BESIDE = 0.35, 0.12
"""Shares of MNIST's digits: 1s and 7s drawn in other styles (0s a fifth as often), and digits with a sliver of a
neighbour."""

NUMBERS = 0.6
"""Share of rows that pen writers wrote, on any paper; the others are of MNIST's digits."""


@dataclass(frozen=True)
class Mix:
    """Composition of batches.

    runs: share that are segments which the reader cut from written rows, half of them no digit. Of the rest: nondigits,
    the share that are no digit; drawn, of digits drawn from stroke templates; and pen, of digits of pen writers. mild:
    share with a mild distortion only.
    """

    runs: float
    nondigits: float
    drawn: float
    pen: float
    mild: float


LEARNING = Mix(runs=0.25, nondigits=0.1, drawn=0.12, pen=0.25, mild=0.4)
SETTLING = Mix(runs=0.2, nondigits=0.08, drawn=0.1, pen=0.2, mild=0.8)
"""For the end of a training: mostly mild distortions. The strongest ones have taught what they can."""

FINISHING = Mix(runs=0.2, nondigits=0.08, drawn=0.12, pen=0.2, mild=0.85)
"""As SETTLING, a little milder, with more styles that MNIST lacks."""


@dataclass(frozen=True)
class Examples:
    """Images uint8 (n, 28, 28) as in MNIST, white on black, and labels uint8 (n,)."""

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def hands(self) -> Hands:
        """The pen writers to learn from, and these images."""
        return load_hands(LEARNING_WRITERS, self.images, self.labels)


@dataclass(frozen=True)
class Mnist:
    """Digits to train on, digits to choose by, and test digits, which are for reports only and decide nothing."""

    train: Examples
    validation: Examples
    test: Examples

    @property
    def fitting(self) -> Examples:
        """The half of the validation images that a temperature may be fitted on."""
        half = len(self.validation) // 2
        return Examples(self.validation.images[:half], self.validation.labels[:half])


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


def augmented(examples: Examples, indices: np.ndarray, seed: int, mix: Mix = LEARNING) -> tuple[np.ndarray, np.ndarray]:
    """Make one training batch: for each index an example or a substitute, the same for the same seed.

    Returns frames float32 (n, 28, 28) and labels int64 (n,), with 10 for "not a digit".
    """
    rng = np.random.default_rng(seed)
    frames = np.empty((len(indices), SIDE, SIDE), np.float32)
    labels = examples.labels[indices].astype(np.int64)
    cut = round(mix.runs * len(indices))
    frames[:cut], labels[:cut] = runs(examples, cut, rng)
    for row, index in enumerate(indices[cut:], start=cut):
        kind = rng.random()
        if kind < mix.nondigits:
            labels[row] = NOT_A_DIGIT
            ink = draw_nondigit(examples.images, examples.labels, rng)
        elif kind < mix.nondigits + mix.drawn:
            ink = draw_digit(int(labels[row]), 60, rng)
        elif kind < mix.nondigits + mix.drawn + mix.pen:
            ink = pen_digit(examples.hands, int(labels[row]), rng)
        else:
            ink = examples.images[index].astype(np.float32) / 255
            share = RESTYLED if labels[row] in (1, 7) else RESTYLED / 5
            if labels[row] in (0, 1, 7) and rng.random() < share:
                ink = restyle(ink, int(labels[row]), rng)
            elif rng.random() < BESIDE:
                ink = beside_a_neighbour(ink, examples.images, rng)
        frames[row] = augment(ink, rng, mix.mild)
    return frames, labels


def runs(examples: Examples, most: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Write rows and cut them until there are enough segments, half of them one digit and half none.

    Returns frames float32 (most, 28, 28) and labels int64 (most,).
    """
    kinds: tuple[list[tuple[np.ndarray, int]], ...] = [], []
    wanted = most - most // 2, most // 2
    while any(len(kind) < enough for kind, enough in zip(kinds, wanted, strict=True)):
        if rng.random() < NUMBERS:
            number = written(examples.hands, rng)
            row = Row(number.page, number.owners.astype(np.int16), number.digits)
        else:
            row = write_row(examples.images, examples.labels, rng)
        found = list(zip(*cut_runs(row), strict=True))
        for kind, none in zip(kinds, (False, True), strict=True):
            matching = [run for run in found if (run[1] == NOT_A_DIGIT) == none]
            # Only a few of each row, so that a batch does not consist of two or three rows.
            kind += [matching[i] for i in rng.permutation(len(matching))[:6]]
    chosen = kinds[0][: wanted[0]] + kinds[1][: wanted[1]]
    frames = np.array([frame for frame, _ in chosen], np.float32).reshape(-1, SIDE, SIDE)
    return frames, np.array([label for _, label in chosen], np.int64)


def digit_batch(
    examples: Examples, batch_size: int, seed: int, number: int, mix: Mix = LEARNING
) -> tuple[np.ndarray, np.ndarray]:
    """Make the batch with a number. Each epoch goes once through all examples, in its own order."""
    epoch, step = divmod(number, len(examples) // batch_size)
    order = np.random.default_rng((seed, epoch)).permutation(len(examples))
    return augmented(examples, order[step * batch_size : (step + 1) * batch_size], seed * 1_000_003 + number, mix)


settling_batch = partial(digit_batch, mix=SETTLING)
finishing_batch = partial(digit_batch, mix=FINISHING)

Batch = Callable[[Examples, int, int, int], tuple[np.ndarray, np.ndarray]]
"""Examples, batch size, seed and number of the batch -> images float32 (b, h, w) and labels (b, ...)."""

_examples: Examples | None = None


def _adopt(examples: Examples) -> None:
    """Keep the examples in the worker process, so that a task sends only numbers."""
    global _examples
    _examples = examples
    cv2.setNumThreads(1)


def _made(batch: Batch, batch_size: int, seed: int, number: int) -> tuple[np.ndarray, np.ndarray]:
    assert _examples is not None
    return batch(_examples, batch_size, seed, number)


def one_hot(labels: np.ndarray) -> np.ndarray:
    """Encode labels of 0 to 10, (...), as float32 (..., 11)."""
    return np.eye(CLASSES, dtype=np.float32)[labels]


def stream(
    batch: Batch,
    examples: Examples,
    batch_size: int,
    seed: int,
    start: int = 0,
    workers: int = 2,
    encode: Callable[[np.ndarray], np.ndarray] = one_hot,
) -> Generator[tuple[np.ndarray, np.ndarray], None, None]:
    """Yield batches endlessly, made ahead by worker processes, or by this process if workers is 0.

    A batch depends only on the seed and its number, so a resumed training continues the same stream from batch `start`.
    Yields images float32 (b, h, w, 1) and labels encoded by `encode`, float32 (b, ..., classes).
    """
    if not workers:
        for number in count(start):
            images, labels = batch(examples, batch_size, seed, number)
            yield images[..., None], encode(labels)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_adopt, initargs=(examples,)) as pool:
        ahead: deque[Future[tuple[np.ndarray, np.ndarray]]] = deque()
        for number in count(start):
            ahead.append(pool.submit(_made, batch, batch_size, seed, number))
            if len(ahead) == 4 * workers:
                images, labels = ahead.popleft().result()
                yield images[..., None], encode(labels)
