"""Written rows -> strips with a class for every column, to train the spotter."""

import numpy as np

from recognizer.reading.ink import find_ink
from recognizer.reading.lines import Line, find_lines
from recognizer.reading.spotter import BLANK, HEIGHT, STRIDE, strip_of

from .datasets import Examples
from .rows import Row, owners_in, write_row

WIDTH = 160
"""Columns of a training strip. Longer lines are skipped."""

CENTRE = 0.1
"""Columns within this distance of a digit's centre of mass, as a share of its height, have the digit's class."""


STRAY, WHOLE = 0.1, 0.6
"""A digit is on a line if the line has at least the second share of its ink, and on another line below the first."""


def spot_batch(examples: Examples, batch_size: int, seed: int, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Make the training batch with a number, the same for the same seed.

    Returns strips float32 (b, HEIGHT, WIDTH) and classes uint8 (b, WIDTH / STRIDE), 0 to 9 and BLANK.
    """
    rng = np.random.default_rng((seed, number))
    strips = np.zeros((batch_size, HEIGHT, WIDTH), np.float32)
    answers = np.full((batch_size, WIDTH // STRIDE), BLANK, np.uint8)
    made = 0
    while made < batch_size:
        row = write_row(examples.images, examples.labels, rng)
        ink = find_ink(row.page)
        for line in find_lines(ink) if ink is not None else []:
            strip, columns = spot_line(line, row)
            if made < batch_size and strip.shape[1] <= WIDTH and columns is not None:
                left = int(rng.integers(0, (WIDTH - strip.shape[1]) // STRIDE + 1))
                strips[made, :, left * STRIDE : left * STRIDE + strip.shape[1]] = strip
                answers[made, left : left + len(columns)] = columns
                made += 1
    return strips, answers


def spot_line(line: Line, row: Row) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the strip of a line and the class of each column, uint8 (columns,).

    The classes are None for a line without a digit, where a comma would look like a 1, and for one with a digit that is
    neither clearly on it nor clearly on another line.
    """
    strip, scale = strip_of(line)
    answers = np.full(-(-strip.shape[1] // STRIDE), BLANK, np.uint8)
    owners = owners_in(line, row)
    totals = np.bincount(row.owners.ravel(), minlength=len(row.labels) + 2)
    for place, label in enumerate(row.labels):
        rows, columns = np.nonzero(owners == place + 2)
        share = columns.size * line.scale**2 / max(1, totals[place + 2])
        if share < STRAY:
            continue
        if share < WHOLE:
            return strip, None
        centre = float(columns.mean()) * scale / STRIDE
        reach = max(1.0, CENTRE * float(np.ptp(rows)) * scale / STRIDE)
        first, last = max(0, round(centre - reach)), min(len(answers) - 1, round(centre + reach))
        answers[first : last + 1] = label
    return strip, answers if (answers != BLANK).any() else None
