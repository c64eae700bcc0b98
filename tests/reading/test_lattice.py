"""The best way through a line, with probabilities made up to show what decides."""

from dataclasses import replace

import numpy as np
import pytest

from recognizer.reading.classifier import NOT_A_DIGIT
from recognizer.reading.ink import find_ink
from recognizer.reading.lattice import best_way, runs_of
from recognizer.reading.reader import LEAST_CONFIDENCE
from recognizer.reading.segmentation import Line, Pieces, cut, find_lines
from recognizer.reading.spotter import BLANK, BODY, STRIDE


@pytest.fixture
def bars() -> tuple[Line, Pieces]:
    """Two upright bars apart: two pieces, three runs."""
    page = np.full((60, 100), 255, np.uint8)
    page[10:50, 25:30] = page[10:50, 55:60] = 0
    ink = find_ink(page)
    assert ink is not None
    (line,) = find_lines(ink)
    return line, cut(line)


def sure_of(*labels: int) -> np.ndarray:
    probabilities = np.full((len(labels), 11), 0.001, np.float32)
    probabilities[np.arange(len(labels)), labels] = 0.99
    return probabilities


def test_neighbouring_pieces_are_taken_alone_and_together(bars: tuple[Line, Pieces]) -> None:
    line, pieces = bars
    assert [(run.first, run.last) for run in runs_of(line, pieces)] == [(0, 1), (0, 2), (1, 2)]


def test_pieces_in_which_the_spotter_sees_two_digits_are_not_taken_together(bars: tuple[Line, Pieces]) -> None:
    line, pieces = bars
    columns = int(line.strength.shape[1] * BODY / line.body / STRIDE) + 1
    spotted = np.full((columns, 11), np.log(1e-6), np.float32)
    spotted[:, BLANK] = 0.0
    for column in (columns // 5, columns - columns // 5):
        spotted[column] = np.log(1e-6)
        spotted[column, 1] = 0.0
    assert [(run.first, run.last) for run in runs_of(line, pieces, spotted)] == [(0, 1), (1, 2)]


def test_the_way_with_the_likelier_digits_is_taken(bars: tuple[Line, Pieces]) -> None:
    line, pieces = bars
    runs = runs_of(line, pieces)
    apart = best_way(line, pieces, runs, sure_of(1, NOT_A_DIGIT, 7))
    assert [step.label for step in apart.digits] == [1, 7]
    together = best_way(line, pieces, runs, sure_of(NOT_A_DIGIT, 4, NOT_A_DIGIT))
    assert [step.label for step in together.digits] == [4]


def test_a_string_is_as_likely_as_its_share_of_all_ways(bars: tuple[Line, Pieces]) -> None:
    line, pieces = bars
    runs = runs_of(line, pieces)
    clear = best_way(line, pieces, runs, sure_of(1, NOT_A_DIGIT, 7))
    torn = best_way(line, pieces, runs, sure_of(1, 4, 7))
    assert 0 < torn.confidence < clear.confidence <= 1


def test_a_string_is_less_sure_where_a_seam_cuts_ink(bars: tuple[Line, Pieces]) -> None:
    line, pieces = bars
    runs = runs_of(line, pieces)
    apart = best_way(line, pieces, runs, sure_of(1, NOT_A_DIGIT, 7))
    # So little ink that the way and what it pays stay nearly the same.
    touching = replace(pieces, costs=np.array([0.0, 0.6, 0.0]))
    assert best_way(line, touching, runs, sure_of(1, NOT_A_DIGIT, 7)).confidence < apart.confidence - 0.01


def test_a_flag_parted_from_its_stem_is_no_1(bars: tuple[Line, Pieces]) -> None:
    line, pieces = bars
    flag, both, stem = runs_of(line, pieces)
    # So the flag of a 1 and its stem: each looks a little more like a 1 than both together do.
    undecided = sure_of(1, 1, 1)
    undecided[1, 1] = 0.6
    short = replace(flag, box=(*flag.box[:3], round(0.6 * line.body)))
    as_tall = best_way(line, pieces, [flag, both, stem], undecided)
    assert [step.label for step in as_tall.digits] == [1, 1]
    parted = best_way(line, pieces, [short, both, stem], undecided)
    assert [step.label for step in parted.digits] == [1]


def test_the_spotter_decides_where_the_classifier_cannot(bars: tuple[Line, Pieces]) -> None:
    line, pieces = bars
    columns = int(line.strength.shape[1] * BODY / line.body / STRIDE) + 1
    spotted = np.full((columns, 11), np.log(0.001), np.float32)
    spotted[:, BLANK] = np.log(0.99)
    one = spotted.copy()
    one[columns // 2] = np.log(0.001)
    one[columns // 2, 4] = np.log(0.99)
    undecided = sure_of(1, 4, 1)
    assert [step.label for step in best_way(line, pieces, runs_of(line, pieces, one), undecided).digits] == [4]
    two = spotted.copy()
    for column in (columns // 5, columns - columns // 5):
        two[column] = np.log(0.001)
        two[column, 1] = np.log(0.99)
    assert [step.label for step in best_way(line, pieces, runs_of(line, pieces, two), undecided).digits] == [1, 1]


def test_the_spotter_alone_makes_no_digit_of_what_the_classifier_takes_for_none(bars: tuple[Line, Pieces]) -> None:
    line, pieces = bars
    columns = int(line.strength.shape[1] * BODY / line.body / STRIDE) + 1
    spotted = np.full((columns, 11), np.log(1e-5), np.float32)
    spotted[:, BLANK] = np.log(0.9999)
    spotted[columns // 2] = np.log(1e-5)
    spotted[columns // 2, 4] = np.log(0.9999)
    guess = sure_of(NOT_A_DIGIT, NOT_A_DIGIT, NOT_A_DIGIT)
    guess[1] = [0.03] * 10 + [0.7]
    way = best_way(line, pieces, runs_of(line, pieces, spotted), guess)
    assert [step.label for step in way.digits] == [4]
    assert way.confidence < LEAST_CONFIDENCE


def test_what_is_no_digit_is_passed_over(bars: tuple[Line, Pieces]) -> None:
    line, pieces = bars
    runs = runs_of(line, pieces)
    probabilities = sure_of(1, NOT_A_DIGIT, NOT_A_DIGIT)
    probabilities[1:, :NOT_A_DIGIT] = 1e-6
    probabilities[1, NOT_A_DIGIT] = 0.01
    way = best_way(line, pieces, runs, probabilities)
    assert [step.label for step in way.digits] == [1]
    assert [step.label for step in way.others] == [NOT_A_DIGIT]
