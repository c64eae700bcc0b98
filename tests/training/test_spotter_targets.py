import numpy as np

from recognizer.reading.ink import find_ink
from recognizer.reading.lines import find_lines
from recognizer.reading.spotter import BLANK, HEIGHT, STRIDE
from training.synthesis.datasets import Mnist
from training.synthesis.rows import Row
from training.synthesis.spotter_targets import WIDTH, spot_batch, spot_line


def test_the_same_seed_and_number_make_the_same_batch(little_mnist: Mnist) -> None:
    first, second = (spot_batch(little_mnist.train, 6, 1, 4) for _ in range(2))
    other = spot_batch(little_mnist.train, 6, 1, 5)
    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])
    assert not np.array_equal(first[0], other[0])


def test_spotter_batch_has_a_class_per_second_column(little_mnist: Mnist) -> None:
    strips, answers = spot_batch(little_mnist.train, 12, 1, 0)
    assert strips.shape == (12, HEIGHT, WIDTH)
    assert answers.shape == (12, WIDTH // STRIDE)
    assert 0.5 < (answers == BLANK).mean() < 0.98


def test_spotter_targets_are_at_digit_centres() -> None:
    page = np.full((60, 100), 255, np.uint8)
    owners = np.zeros(page.shape, np.int16)
    for place, left in enumerate((20, 60)):
        page[10:50, left : left + 4] = 0
        owners[10:50, left : left + 4] = place + 2
    ink = find_ink(page)
    assert ink is not None
    (line,) = find_lines(ink)
    strip, answers = spot_line(line, Row(page, owners, (1, 7)))
    assert answers is not None
    inked = strip.sum(axis=0).reshape(-1, STRIDE).sum(axis=1) if strip.shape[1] % STRIDE == 0 else None
    ones, sevens = np.flatnonzero(answers == 1), np.flatnonzero(answers == 7)
    assert ones.max() < sevens.min()
    if inked is not None:
        assert inked[ones].sum() > 0
        assert inked[sevens].sum() > 0
