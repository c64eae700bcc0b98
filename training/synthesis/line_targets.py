"""Written numbers -> strips as the reader makes them, with their texts, to train the line reader."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from recognizer.reading.classifier import CLASSES
from recognizer.reading.ink import Ink, are_alike, look
from recognizer.reading.lines import find_lines
from recognizer.reading.page import shipped_page_network
from recognizer.reading.spotter import BUCKET, HEIGHT, STRIDE, strip_of

from .datasets import Examples
from .numbers import FIRST, Number, load_hands, written
from .pen import CHOOSING, LEARNING
from .rows import Row, owners_in, write_row

MASKED = 0.7
"""Share of pages of which only the ink in the page network's mask is used, if that is not all ink. The reader uses
both."""

STRAY, WHOLE = 0.1, 0.6
"""A digit is on a line if the line has at least the second share of its ink, and on another line below the first."""

MAX_COLUMNS = 256
"""Columns of the longest training strip; longer lines are skipped."""

MAX_DIGITS = 8
"""Digits of the longest text."""

PADDING = 11
"""Fills up texts shorter than MAX_DIGITS."""

PAGES = 500
"""Pages in a file of strips."""

FIRST_FILES, MORE_FILES, NUMBER_FILES, FILES = 24, 3, 80, 128
"""Files of strips used in the first epoch; further files used in each later epoch, so that training need not wait until
all are written; files with numbers only; and files in total. The last NUMBER_FILES, of which the newest are mostly rows
of MNIST digits, are used to settle."""

ROWS = 0.6
"""Share of rows of MNIST digits in the files after NUMBER_FILES."""

PER_EPOCH = 200
"""Batches in an epoch."""


@dataclass(frozen=True)
class Strips:
    """Strips side by side, uint8 (HEIGHT, columns); the end column of each, (n,); texts, uint8 (n, MAX_DIGITS)."""

    ink: np.ndarray
    ends: np.ndarray
    texts: np.ndarray

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, number: int) -> np.ndarray:
        return self.ink[:, self.ends[number - 1] if number else 0 : self.ends[number]]

    @property
    def widths(self) -> np.ndarray:
        return np.diff(self.ends, prepend=0)


def line_strips(number: Number, rng: np.random.Generator) -> Iterator[tuple[np.ndarray, tuple[int, ...]]]:
    """Find the lines of a number as the reader does. Yields each line's strip, float32 (HEIGHT, w), and its digits."""
    ink = _ink_of(number, rng)
    row = Row(number.page, number.owners.astype(np.int16), number.digits)
    totals = np.bincount(number.owners.ravel(), minlength=len(number.digits) + FIRST)
    for line in find_lines(ink) if ink is not None else []:
        owned = np.bincount(owners_in(line, row).ravel(), minlength=len(totals)) * line.scale**2
        shares = (owned / np.maximum(totals, 1))[FIRST:]
        digits = tuple(digit for digit, share in zip(number.digits, shares, strict=True) if share >= WHOLE)
        # A digit that is neither clearly on this line nor clearly on another gives no reliable label.
        if digits and not ((shares >= STRAY) & (shares < WHOLE)).any():
            strip, _ = strip_of(line)
            if strip.shape[1] <= MAX_COLUMNS:
                yield strip, digits


def _ink_of(number: Number, rng: np.random.Generator) -> Ink | None:
    sight = look(number.page, shipped_page_network())
    written, plain = sight.written, sight.plain
    if sight.seen is None or written is None or plain is None:
        return written or plain
    return plain if are_alike(written, plain) or rng.random() > MASKED else written


def make_strips(examples: Examples, writers: range, seed: int, pages: range, rows: float = 0.0) -> Strips:
    """Write pages and cut strips from them, the same for the same seed and page numbers.

    rows: share of pages that are rows of MNIST digits.
    """
    cv2.setNumThreads(1)
    hands = load_hands(writers, examples.images, examples.labels)
    made: list[tuple[np.ndarray, tuple[int, ...]]] = []
    for page in pages:
        rng = np.random.default_rng((seed, page))
        if rows and rng.random() < rows:
            row = write_row(examples.images, examples.labels, rng)
            number = Number(row.page, row.owners.astype(np.uint8), row.labels)
        else:
            number = written(hands, rng)
        made += line_strips(number, rng)
    return packed(made)


def packed(made: list[tuple[np.ndarray, tuple[int, ...]]]) -> Strips:
    """Pack strips float32 (HEIGHT, w) with their digits."""
    texts = np.full((len(made), MAX_DIGITS), PADDING, np.uint8)
    for place, (_, digits) in enumerate(made):
        texts[place, : len(digits)] = digits
    ink = np.round(255 * np.hstack([strip for strip, _ in made])).astype(np.uint8)
    return Strips(ink, np.cumsum([strip.shape[1] for strip, _ in made]), texts)


def line_file(examples: Examples, seed: int, file: int) -> Strips:
    """Make the training strips of a file."""
    pages = range(file * PAGES, (file + 1) * PAGES)
    return make_strips(examples, LEARNING, seed, pages, ROWS if file >= NUMBER_FILES else 0.0)


def write_strips(make: Callable[[int], Strips], folder: Path, files: int) -> None:
    """Write those of the first `files` files of training strips that are missing.

    make: returns the strips of a file, given its number.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for file in range(files):
        path = folder / f"{file:03}.npz"
        if not path.exists():
            strips = make(file)
            new = path.with_suffix(".new.npz")
            np.savez_compressed(new, ink=strips.ink, ends=strips.ends, texts=strips.texts)
            new.replace(path)


def load_strips(folder: Path, files: range) -> Strips:
    """Load several files of strips, waiting for those not written yet."""
    inks: list[np.ndarray] = []
    ends, texts = [], []
    for file in files:
        path = folder / f"{file:03}.npz"
        while not path.exists():
            time.sleep(1)
        with np.load(path) as arrays:
            ends.append(arrays["ends"] + sum(ink.shape[1] for ink in inks))
            inks.append(arrays["ink"])
            texts.append(arrays["texts"])
    return Strips(np.hstack(inks), np.concatenate(ends), np.concatenate(texts))


_loaded = lru_cache(maxsize=1)(load_strips)


def line_batch(
    folder: Path, _: Examples, batch_size: int, seed: int, number: int, settling: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Make the training batch with a number, from augmented strips of similar width.

    settling: use the last files. Returns strips float32 (b, HEIGHT, w) and texts uint8 (b, MAX_DIGITS), filled up with
    PADDING.
    """
    epoch, step = divmod(number, PER_EPOCH)
    last = min(NUMBER_FILES, FIRST_FILES + MORE_FILES * epoch)
    strips = _loaded(folder, range(FILES - NUMBER_FILES, FILES) if settling else range(last))
    rng = np.random.default_rng((seed, epoch))
    by_width = np.argsort(strips.widths * rng.uniform(0.9, 1.1, len(strips)), kind="stable")
    parts = rng.permutation(len(strips) // batch_size)
    first = parts[step % len(parts)] * batch_size
    chosen = by_width[first : first + batch_size]
    rng = np.random.default_rng((seed, number, 1))
    return laid([varied(strips[place], rng) for place in chosen]), strips.texts[chosen]


def laid(strips: list[np.ndarray]) -> np.ndarray:
    """Stack strips float32 (HEIGHT, w) into one array (n, HEIGHT, widest), filled up with zeros."""
    widest = -(-max(strip.shape[1] for strip in strips) // BUCKET) * BUCKET
    out = np.zeros((len(strips), HEIGHT, widest), np.float32)
    for row, strip in zip(out, strips, strict=True):
        row[:, : strip.shape[1]] = strip
    return out


def varied(strip: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Augment a strip, uint8 (HEIGHT, w): slant, stretch, shift, thicken or thin, and fade it a little. float32."""
    height, width = strip.shape
    shear, (across, down) = float(np.clip(rng.normal(0, 0.1), -0.25, 0.25)), np.exp(rng.normal(0, (0.09, 0.05)))
    tilt, shift = float(rng.normal(0, 0.012)), float(rng.normal(0, 0.8))
    lean = abs(shear) * height / 2
    columns = max(STRIDE, round(width * across + 2 * lean))
    matrix = np.array(
        [
            [across, -shear, lean + shear * height / 2],
            [tilt, down, height / 2 * (1 - down) + shift - tilt * width / 2],
        ],
        np.float32,
    )
    ink: np.ndarray = cv2.warpAffine(strip, matrix, (columns, height)).astype(np.float32) / 255
    kind = rng.random()
    if kind < 0.12:
        ink = cv2.dilate(ink, np.ones((2, 2), np.uint8))
    elif kind < 0.24:
        ink = np.minimum(ink, cv2.erode(ink, np.ones((2, 2), np.uint8)) + float(rng.uniform(0.2, 0.7)))
    elif kind < 0.36:
        ink = cv2.GaussianBlur(ink, (3, 3), float(rng.uniform(0.4, 1.0)))
    if rng.random() < 0.3:
        ink = ink ** np.float32(rng.uniform(0.6, 1.6))
    if rng.random() < 0.1:
        coarse = rng.uniform(0, 1, (max(2, height // 3), max(2, columns // 3))).astype(np.float32)
        grain = cv2.resize(coarse, (columns, height))
        ink = ink * (1 - float(rng.uniform(0.2, 0.7)) * grain)
    return np.clip(ink, 0, 1)


def line_validation(examples: Examples, pages: int = 600) -> Strips:
    """Make validation strips, by writers that are not trained on."""
    return make_strips(examples, CHOOSING, 0, range(pages))


def unpacked(strips: Strips) -> tuple[np.ndarray, np.ndarray]:
    """Unpack strips without augmentation: float32 (n, HEIGHT, w), and their texts."""
    return laid([strips[place].astype(np.float32) / 255 for place in range(len(strips))]), strips.texts


TEXT = np.vstack([np.eye(CLASSES, dtype=np.float32), np.zeros((1, CLASSES), np.float32)])
"""One-hot rows of the digits, and a row of zeros for PADDING."""


def encoded(texts: np.ndarray) -> np.ndarray:
    """Encode texts uint8 (n, MAX_DIGITS) as one-hot float32 (n, MAX_DIGITS, 11), zeros for PADDING."""
    return TEXT[texts]
