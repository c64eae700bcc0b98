import numpy as np
import pytest

from recognizer.reading.classifier import NOT_A_DIGIT
from training.synthesis.datasets import Mnist
from training.synthesis.rows import MARK, Row, cut_runs, write_row


@pytest.fixture
def rows(little_mnist: Mnist, rng: np.random.Generator) -> list[Row]:
    return [write_row(little_mnist.train.images, little_mnist.train.labels, rng) for _ in range(40)]


def test_synthetic_row_has_an_owner_for_each_pixel(rows: list[Row]) -> None:
    for row in rows:
        assert row.page.dtype == np.uint8
        assert row.page.shape == row.owners.shape
        written = row.owners > MARK
        assert row.page[written].mean() < row.page[~written].mean()
        assert set(np.unique(row.owners)) <= set(range(len(row.labels) + 2))


def test_some_rows_are_single_digits_and_some_have_marks(rows: list[Row]) -> None:
    assert {len(row.labels) for row in rows} >= {1, 2, 3, 4}
    assert any((row.owners == MARK).any() for row in rows)


def test_segments_of_rows_are_whole_digits_or_none(rows: list[Row]) -> None:
    written = sum(len(row.labels) for row in rows)
    answers = [answer for row in rows for answer in cut_runs(row)[1]]
    whole = [answer for answer in answers if answer != NOT_A_DIGIT]
    assert len(whole) > 0.5 * written
    assert len(answers) - len(whole) > written


def test_two_digits_side_by_side_are_not_one(little_mnist: Mnist) -> None:
    page = np.full((60, 80), 255, np.uint8)
    page[10:50, 20:24] = page[10:50, 40:44] = 0
    owners = np.zeros(page.shape, np.int16)
    owners[10:50, 20:24], owners[10:50, 40:44] = 2, 3
    _, answers = cut_runs(Row(page, owners, (1, 1)))
    assert sorted(answers) == [1, 1, NOT_A_DIGIT]
