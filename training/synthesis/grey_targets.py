"""Pages with numbers -> grey strips as the reader cuts them, with their texts, to train the grey reader."""

from dataclasses import replace

import cv2
import numpy as np

from recognizer.reading.grey_reader import MARGIN, grey_strip
from recognizer.reading.ink import Ink
from recognizer.reading.lines import Line, find_lines
from recognizer.reading.page import HANDWRITING

from .datasets import Examples
from .line_targets import MAX_COLUMNS, MAX_DIGITS, PAGES, Strips, packed
from .near import cheque_scene, near_scene
from .negatives import LATIN, LETTERS, SCRIPTS, scribble, stroked
from .numbers import FIRST, load_hands, written
from .page_targets import SHAPES
from .pages import Scene, Sources, make_scene
from .pen import CHOOSING, LEARNING
from .rows import on_paper, scaled, trimmed, write_row

SCENES, NUMBERS, WORDS = 0.5, 0.4, 0.05
"""Shares of photographed pages, of numbers on their own, and of words and scribbles, whose text is empty; the others
are rows of MNIST digits."""

MIN_BODY = 9
"""Lines with lower digits, in pixels of the picture, are left out: nobody could read them."""

FAR = 64
"""Most columns beside a line in a strip. What is printed there is to be ignored."""


def grey_strips(examples: Examples, writers: range, seed: int, pages: range) -> Strips:
    """Make pages and cut strips from them, the same for the same seed and page numbers."""
    cv2.setNumThreads(1)
    hands = load_hands(writers, examples.images, examples.labels)
    sources = Sources(examples.images, examples.labels, writers, hands=hands)
    made: list[tuple[np.ndarray, tuple[int, ...]]] = []
    for number in pages:
        rng = np.random.default_rng((seed, number))
        page, written_on, texts = _page(sources, rng)
        for line, text in zip(*_lines(written_on, texts), strict=True):
            if line.body * line.scale < MIN_BODY:
                continue
            before, after = (int(rng.integers(2, FAR if rng.random() < 0.2 else 2 * MARGIN)) for _ in range(2))
            strip = grey_strip(page, _misjudged(line, rng), before, after)
            if strip.shape[1] <= MAX_COLUMNS + FAR and len(text) <= MAX_DIGITS:
                made.append((strip, text))
    return packed(made)


def grey_file(examples: Examples, seed: int, file: int) -> Strips:
    """Make the training strips of a file."""
    return grey_strips(examples, LEARNING, seed, range(file * PAGES, (file + 1) * PAGES))


def grey_validation(examples: Examples, pages: int = 1000) -> Strips:
    """Make validation strips, by writers that are not trained on."""
    return grey_strips(examples, CHOOSING, 0, range(pages))


def _page(sources: Sources, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, list[tuple[int, ...]]]:
    """Make a page: uint8 (h, w), its handwriting uint8 (h, w), and the digits of its lines."""
    kind = rng.random()
    if kind < SCENES:
        scene = _scene(sources, rng)
        lines = [tuple(int(digit) for digit in line) for line in scene.text.split("\n")]
        return scene.page, (scene.classes == HANDWRITING).view(np.uint8), lines
    assert sources.hands is not None
    if kind < SCENES + NUMBERS:
        number = written(sources.hands, rng)
        return number.page, (number.owners >= FIRST).view(np.uint8), [number.digits]
    if kind < SCENES + NUMBERS + WORDS:
        page, inked = _word(rng)
        return page, inked, [()]
    row = write_row(sources.images, sources.labels, rng)
    return row.page, (row.owners >= FIRST).view(np.uint8), [row.labels]


def _scene(sources: Sources, rng: np.random.Generator) -> Scene:
    kind = rng.random()
    if kind < 0.2:
        return cheque_scene(sources, rng)
    size = np.array(SHAPES[int(rng.integers(len(SHAPES)))]) * float(rng.uniform(0.8, 1.6))
    make = near_scene if kind < 0.85 else make_scene
    return make(sources, round(size[0]), round(size[1]), rng)


def _word(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Write a word or a scribble: a page, uint8 (h, w), and its ink, uint8 (h, w)."""
    word = "".join(rng.choice(list(LETTERS[:LATIN]), int(rng.integers(1, 6))))
    shape = trimmed(stroked(word, SCRIPTS, rng) if rng.random() < 0.6 else scribble(rng))
    body = float(np.exp(rng.uniform(np.log(15), np.log(60))))
    shape = scaled(shape, body * max(1.0, shape.shape[1] / shape.shape[0]))
    ink = np.pad(shape, round(body * float(rng.uniform(0.1, 0.7))) + 1)
    page, _ = on_paper(ink, np.zeros(ink.shape, np.int16), rng)
    return page, (ink > 0.15).astype(np.uint8)


def _lines(written_on: np.ndarray, texts: list[tuple[int, ...]]) -> tuple[list[Line], list[tuple[int, ...]]]:
    """Find the lines of a page's handwriting, uint8 (h, w), and their texts.

    Finds none if their number is not that of the texts, or if handwriting touches the picture's edge.
    """
    edges = written_on[0], written_on[-1], written_on[:, 0], written_on[:, -1]
    if any(edge.any() for edge in edges):
        return [], []
    lines = find_lines(Ink(written_on.astype(np.float32), written_on, 0.0, 0.0, 1.0))
    return (lines, texts) if len(lines) == len(texts) else ([], [])


def _misjudged(line: Line, rng: np.random.Generator) -> Line:
    """Change a line's height, place and slope a little, as the reader misjudges them."""
    body = line.body * float(np.exp(rng.normal(0, 0.1)))
    middle = line.middle + line.body * float(rng.normal(0, 0.07))
    return replace(line, body=body, middle=middle, angle=line.angle + float(rng.normal(0, 0.01)))
