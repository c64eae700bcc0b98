from itertools import islice, pairwise

import numpy as np
import pytest

from training.evaluation import pages
from training.synthesis import numbers
from training.synthesis.datasets import Mnist
from training.synthesis.numbers import FIRST, Hands, load_hands, pen_digit, single, touching
from training.synthesis.pen import CHOOSING, LEARNING, TESTING


@pytest.fixture
def hands(little_mnist: Mnist) -> Hands:
    return load_hands(LEARNING, little_mnist.train.images, little_mnist.train.labels)


def test_writers_are_split_between_training_and_testing() -> None:
    assert sorted([*LEARNING, *CHOOSING, *TESTING]) == list(range(1, 31))


def test_missing_digits_of_a_writer_come_from_others(hands: Hands) -> None:
    assert set(hands.pens) == set(LEARNING)
    strokes = hands.pens[1][5][0]
    heights = np.concatenate(strokes)[:, 1]
    assert heights.min() == pytest.approx(0, abs=1e-6)
    assert heights.max() == pytest.approx(1)


def test_the_same_seed_composes_the_same_number(hands: Hands) -> None:
    first, second = (touching(hands, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(first.page, second.page)
    assert first.digits == second.digits


@pytest.mark.parametrize("seed", range(12))
def test_each_digit_owns_ink_from_left_to_right(hands: Hands, seed: int) -> None:
    number = touching(hands, np.random.default_rng(seed))
    assert number.page.shape == number.owners.shape
    assert number.page.dtype == np.uint8
    middles = [np.nonzero(number.owners == FIRST + place)[1].mean() for place in range(len(number.digits))]
    assert all(left < right for left, right in pairwise(middles))


def test_synthetic_single_digit_is_on_white(hands: Hands) -> None:
    number = single(hands, np.random.default_rng(5))
    assert len(number.digits) == 1
    assert number.page[0].min() == number.page[-1].min() == 255
    assert number.page.min() == 0


def test_most_digits_of_touching_numbers_touch(hands: Hands) -> None:
    joints = touch = 0
    for seed in range(20):
        number = touching(hands, np.random.default_rng(seed))
        assert 2 <= len(number.digits) <= 7
        dark = number.page < 128
        for place in range(len(number.digits) - 1):
            left, right = (number.owners == FIRST + place + step for step in (0, 1))
            grown = np.zeros_like(left)
            grown[1:-1, 1:-1] = np.any(
                [np.roll(left & dark, (dy, dx), (0, 1))[1:-1, 1:-1] for dy in (-2, 0, 2) for dx in (-2, 0, 2)], axis=0
            )
            joints, touch = joints + 1, touch + bool((grown & right & dark).any())
    assert touch > joints / 2


def test_training_digits_go_beyond_the_writers_shapes(hands: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
    def digits() -> list[np.ndarray]:
        return [pen_digit(hands, 1, np.random.default_rng(seed)) for seed in range(20)]

    monkeypatch.setattr(numbers, "BLENDED", 0.0)
    monkeypatch.setattr(numbers, "FOOTED", 0.0)
    as_written = digits()
    monkeypatch.setattr(numbers, "BLENDED", 1.0)
    blended = digits()
    assert sum(not np.array_equal(before, after) for before, after in zip(as_written, blended, strict=True)) > 10
    monkeypatch.setattr(numbers, "BLENDED", 0.0)
    monkeypatch.setattr(numbers, "FOOTED", 1.0)
    footed = digits()
    assert np.mean([after.shape[1] > before.shape[1] for before, after in zip(as_written, footed, strict=True)]) > 0.7


def test_evaluation_pages_are_reproducible(hands: Hands) -> None:
    first, second = (list(islice(pages.composed(touching, hands, 3, seed=1), 3)) for _ in range(2))
    assert [sample.text for sample in first] == [sample.text for sample in second]
    assert all(np.array_equal(a.page, b.page) for a, b in zip(first, second, strict=True))
