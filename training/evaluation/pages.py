"""Synthetic evaluation pages: rows of MNIST digits, drawings, photographed pages, and pages without a number.

They use MNIST's test images, or templates with handwriting of their own, and are never trained on.
"""

from collections.abc import Callable, Iterator

import cv2
import numpy as np

from training.synthesis.augmentation import bend
from training.synthesis.datasets import Examples
from training.synthesis.negatives import LATIN, LETTERS, SCRIPTS, scribble, stroked
from training.synthesis.numbers import Hands, Number
from training.synthesis.rows import write_row
from training.synthesis.strokes import draw_digit

from .measures import Sample

KEPT_OUT = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_PLAIN,
    cv2.FONT_HERSHEY_COMPLEX_SMALL,
    cv2.FONT_HERSHEY_COMPLEX | cv2.FONT_ITALIC,
)
"""Letters that no network was trained on."""


def strings(digits: Examples, count: int, gaps: tuple[int, int], seed: int) -> Iterator[Sample]:
    """Place digits in a row, black on white. gaps: smallest and largest gap in pixels, both included.

    Negative gaps overlap, so that neighbours touch.
    """
    rng = np.random.default_rng(seed)
    for number in range(count):
        chosen = rng.integers(0, len(digits), rng.integers(2, 7))
        page = np.zeros((60, 40 + 32 * len(chosen)), np.uint8)
        x = 12
        for index in chosen:
            columns = np.flatnonzero(digits.images[index].any(axis=0))
            digit = digits.images[index][:, columns[0] : columns[-1] + 1]
            y = 16 + int(rng.integers(-3, 4))
            place = page[y : y + 28, x : x + digit.shape[1]]
            np.maximum(place, digit, out=place)
            x += digit.shape[1] + int(rng.integers(gaps[0], gaps[1] + 1))
        yield Sample(f"string {number}", 255 - page[:, : x + 12], "".join(str(digits.labels[i]) for i in chosen))


def drawings(count: int, seed: int) -> Iterator[Sample]:
    """Draw numbers of one to four digits on a canvas of random size, in many styles and with pens of 4 to 24 pixels."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        text = "".join(str(rng.integers(10)) for _ in range(rng.integers(1, 5)))
        height = int(rng.integers(60, 260))
        inks = [draw_digit(int(label), height, rng) for label in text]
        gap = round(height * rng.uniform(0.12, 0.4))
        width = sum(ink.shape[1] for ink in inks) + gap * (len(inks) + 1)
        page = np.zeros(
            (max(i.shape[0] for i in inks) + int(rng.integers(20, 300)), width + int(rng.integers(20, 300))),
            np.float32,
        )
        x = gap + int(rng.integers(0, max(1, page.shape[1] - width)))
        top = int(rng.integers(4, page.shape[0] - max(i.shape[0] for i in inks) - 2))
        for ink in inks:
            trimmed = _trim(ink)
            y = top + int(rng.integers(0, max(1, height // 12)))
            y = min(y, page.shape[0] - trimmed.shape[0])
            page[y : y + trimmed.shape[0], x : x + trimmed.shape[1]] = trimmed
            x += trimmed.shape[1] + gap
        yield Sample(f"drawing {number}", np.round(255 * (1 - page)).astype(np.uint8), text)


def photographs(digits: Examples, count: int, seed: int) -> Iterator[Sample]:
    """Photograph pages of one to three lines: uneven light, blue-grey ink, grain, blur and a slight rotation."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        lines = ["".join(str(d) for d in rng.integers(0, 10, rng.integers(2, 7))) for _ in range(rng.integers(1, 4))]
        size = int(rng.integers(40, 80))
        ink = np.zeros((len(lines) * size * 2 + size, 8 * size), np.float32)
        for row, line in enumerate(lines):
            x = int(size * rng.uniform(0.5, 1.2))
            for label in line:
                digit = digits.images[rng.choice(np.flatnonzero(digits.labels == int(label)))] / np.float32(255)
                digit = cv2.resize(_trim(digit), None, fx=size / 20, fy=size / 20, interpolation=cv2.INTER_CUBIC)
                digit = np.clip(digit, 0, 1)
                y = row * size * 2 + size - digit.shape[0] // 2 + int(rng.integers(0, size // 8 + 1))
                place = ink[y : y + digit.shape[0], x : x + digit.shape[1]]
                np.maximum(place, digit[:, : place.shape[1]], out=place)
                x += digit.shape[1] + int(size * rng.uniform(0.12, 0.4))
        yield Sample(f"photograph {number}", _photograph(ink, rng), "\n".join(lines))


def words(count: int, seed: int) -> Iterator[Sample]:
    """Photograph pages with a word or a scribble and no number, in letters that networks were trained on. To fit on."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        word = "".join(rng.choice(list(LETTERS[:LATIN]), int(rng.integers(1, 6))))
        ink = stroked(word, SCRIPTS, rng) if number % 2 else scribble(rng)
        scale = float(rng.uniform(1, 3))
        ink = np.clip(cv2.resize(ink, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR), 0, 1)
        yield Sample(f"word {number}", _photograph(np.pad(ink, 20), rng), "")


def _photograph(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    height, width = ink.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), rng.uniform(-3, 3), 1)
    ink = cv2.warpAffine(ink, turn, (width, height))
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    light = 1 - rng.uniform(0.1, 0.5) * np.clip(rng.uniform(-1, 1) * x + rng.uniform(-1, 1) * y, -1, 1) ** 2
    light *= 1 - rng.uniform(0, 0.45) * x * y
    paper = rng.uniform(150, 235) * light
    pen = rng.uniform(0.25, 0.55)
    page = paper * (1 - ink * (1 - pen))
    page = cv2.GaussianBlur(page, (0, 0), rng.uniform(0.5, 1.3)) + rng.normal(0, rng.uniform(1, 5), page.shape)
    return np.clip(page, 0, 255).astype(np.uint8)


def composed(
    make: Callable[[Hands, np.random.Generator], Number], hands: Hands, count: int, seed: int
) -> Iterator[Sample]:
    """Compose numbers in some writers' styles, the same for the same seed. make: `touching` or `single`."""
    for place in range(count):
        number = make(hands, np.random.default_rng((seed, place)))
        yield Sample(f"number {place}", number.page, "".join(str(digit) for digit in number.digits))


def rows(digits: Examples, count: int, seed: int) -> Iterator[Sample]:
    """Write rows like those in training, with points and dashes, on white and on cheque paper."""
    for place in range(count):
        row = write_row(digits.images, digits.labels, np.random.default_rng((seed, place)))
        yield Sample(f"row {place}", row.page, "".join(str(label) for label in row.labels))


def letters(count: int, seed: int) -> Iterator[Sample]:
    """Write one letter per page with pens of many widths, distorted, in fonts that were not trained on."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        ink = _trim(bend(stroked(str(rng.choice(list(LETTERS[:LATIN]))), KEPT_OUT, rng), rng))
        scale = float(rng.uniform(20, 120)) / max(ink.shape)
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        ink = np.clip(cv2.resize(ink, None, fx=scale, fy=scale, interpolation=how), 0, 1)
        page = np.pad(ink, [tuple(rng.integers(8, 60, 2)) for _ in range(2)])
        yield Sample(f"letter {number}", np.round(255 * (1 - page)).astype(np.uint8), "")


def no_numbers(count: int, seed: int) -> Iterator[Sample]:
    """Make pages of words, scribbles, noise, blank and ruled paper. None has a number, so every text is empty."""
    rng = np.random.default_rng(seed)

    def page_with(inks: list[np.ndarray]) -> np.ndarray:
        scale = rng.uniform(1, 3)
        inks = [cv2.resize(ink, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR) for ink in inks]
        height = max(ink.shape[0] for ink in inks) + 40
        page = np.zeros((height, sum(ink.shape[1] for ink in inks) + 40), np.float32)
        x = 20
        for ink in inks:
            page[20 : 20 + ink.shape[0], x : x + ink.shape[1]] = ink
            x += ink.shape[1]
        return np.round(255 * (1 - page)).astype(np.uint8)

    def unseen_letter() -> np.ndarray:
        return stroked(str(rng.choice(list(LETTERS[:LATIN]))), KEPT_OUT, rng)

    def ruled() -> np.ndarray:
        page = np.full((300, 400), 245, np.uint8)
        for y in range(30, 300, int(rng.integers(24, 50))):
            cv2.line(page, (0, y), (399, y + int(rng.integers(-2, 3))), 170, 2, cv2.LINE_AA)
        return page

    kinds: list[Callable[[], np.ndarray]] = [
        lambda: page_with([bend(unseen_letter(), rng)]),
        lambda: page_with([unseen_letter() for _ in range(rng.integers(2, 6))]),
        lambda: page_with([scribble(rng) for _ in range(rng.integers(1, 3))]),
        lambda: rng.integers(0, 256, (80, 120)).astype(np.uint8),
        lambda: np.clip(rng.normal(rng.uniform(150, 250), 4, (200, 300)), 0, 255).astype(np.uint8),
        ruled,
    ]
    for number in range(count):
        yield Sample(f"no number {number}", kinds[number % len(kinds)](), "")


def _trim(ink: np.ndarray) -> np.ndarray:
    solid = ink > 0.05
    rows, columns = np.flatnonzero(solid.any(axis=1)), np.flatnonzero(solid.any(axis=0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
