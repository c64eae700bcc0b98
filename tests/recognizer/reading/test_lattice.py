"""The best path through a line, for made-up probabilities."""

from dataclasses import replace

import numpy as np
import pytest

from recognizer.reading.classifier import NOT_A_DIGIT
from recognizer.reading.cuts import Pieces, cut, uncut
from recognizer.reading.ink import find_ink
from recognizer.reading.lattice import ALONE, GREY, LINE, best_path, segments_of
from recognizer.reading.lines import Line, find_lines
from recognizer.reading.reader import MIN_CONFIDENCE
from recognizer.reading.spotter import BLANK, BODY, STRIDE


@pytest.fixture
def bars() -> tuple[Line, Pieces]:
    """Two upright bars apart: two pieces, three segments."""
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


def test_segments_are_single_and_joined_pieces(bars: tuple[Line, Pieces]) -> None:
    line, pieces = bars
    assert [(segment.first, segment.last) for segment in segments_of(line, pieces)] == [(0, 1), (0, 2), (1, 2)]


def test_segment_with_two_spotted_digits_is_left_out(bars: tuple[Line, Pieces]) -> None:
    line, pieces = bars
    columns = int(line.strength.shape[1] * BODY / line.body / STRIDE) + 1
    spotted = np.full((columns, 11), np.log(1e-6), np.float32)
    spotted[:, BLANK] = 0.0
    for column in (columns // 5, columns - columns // 5):
        spotted[column] = np.log(1e-6)
        spotted[column, 1] = 0.0
    assert [(segment.first, segment.last) for segment in segments_of(line, pieces, spotted)] == [(0, 1), (1, 2)]


@pytest.mark.parametrize("label", [1, NOT_A_DIGIT])
def test_line_of_one_segment_gets_the_lattice_reading(bars: tuple[Line, Pieces], label: int) -> None:
    line, _ = bars
    (segment,) = segments_of(line, uncut(line))
    # Scores of zero change nothing, but need the lattice.
    spotted = replace(segment, spotter_scores=np.zeros(11))
    lone, whole = (best_path(line, uncut(line), [each], sure_of(label)) for each in (segment, spotted))
    assert (lone.likelihood, lone.confidence, lone.cuts_ink) == (whole.likelihood, whole.confidence, whole.cuts_ink)
    assert lone.hypotheses.texts == whole.hypotheses.texts
    for edge, same in zip(lone.digits + lone.others, whole.digits + whole.others, strict=True):
        assert edge.label == same.label
        assert np.array_equal(edge.probabilities, same.probabilities)


def test_path_with_likelier_digits_is_chosen(bars: tuple[Line, Pieces]) -> None:
    line, pieces = bars
    segments = segments_of(line, pieces)
    apart = best_path(line, pieces, segments, sure_of(1, NOT_A_DIGIT, 7))
    assert [edge.label for edge in apart.digits] == [1, 7]
    together = best_path(line, pieces, segments, sure_of(NOT_A_DIGIT, 4, NOT_A_DIGIT))
    assert [edge.label for edge in together.digits] == [4]


def test_confidence_falls_when_another_path_is_likely(bars: tuple[Line, Pieces]) -> None:
    line, pieces = bars
    segments = segments_of(line, pieces)
    clear = best_path(line, pieces, segments, sure_of(1, NOT_A_DIGIT, 7))
    torn = best_path(line, pieces, segments, sure_of(1, 4, 7))
    assert 0 < torn.confidence < clear.confidence <= 1


def test_confidence_falls_where_a_seam_cuts_ink(bars: tuple[Line, Pieces]) -> None:
    line, pieces = bars
    segments = segments_of(line, pieces)
    apart = best_path(line, pieces, segments, sure_of(1, NOT_A_DIGIT, 7))
    # So little ink that the path and its score hardly change.
    touching = replace(pieces, costs=np.array([0.0, 0.6, 0.0]))
    assert best_path(line, touching, segments, sure_of(1, NOT_A_DIGIT, 7)).confidence < apart.confidence - 0.01


def columns_of(*texts: tuple[int, ...]) -> np.ndarray:
    """Columns that give the first text with near certainty, the others as second and third."""
    wanted = [label for digit in texts[0] for label in (digit, BLANK)]
    columns = np.full((len(wanted), BLANK + 1), np.log(1e-6))
    columns[np.arange(len(wanted)), wanted] = np.log(0.99)
    for other in texts[1:]:
        for place, digit in enumerate(other):
            columns[2 * place, digit] = np.maximum(columns[2 * place, digit], np.log(0.005))
    return columns


@pytest.fixture
def joined(bars: tuple[Line, Pieces]) -> tuple[Line, Pieces]:
    """The two bars with a stroke from one to the other."""
    line, pieces = bars
    strength = line.strength.copy()
    strength[20:23, 2:-2] = 1.0
    return replace(line, strength=strength), pieces


def test_touching_digits_follow_a_sure_line_reader(joined: tuple[Line, Pieces]) -> None:
    line, pieces = joined
    path = best_path(line, pieces, segments_of(line, pieces), sure_of(1, 4, 7) * 0.7, columns_of((1, 7)))
    assert path.hypotheses.chosen_by == LINE
    assert [edge.label for edge in path.digits] == [1, 7]
    assert path.hypotheses.ctc_text == (1, 7)


def test_separate_digits_follow_the_lattice(bars: tuple[Line, Pieces]) -> None:
    line, pieces = bars
    path = best_path(line, pieces, segments_of(line, pieces), sure_of(1, NOT_A_DIGIT, 7), columns_of((1, 1)))
    assert path.hypotheses.chosen_by == ALONE
    assert [edge.label for edge in path.digits] == [1, 7]
    assert path.hypotheses.differ


def test_separate_digits_follow_a_sure_grey_reader(bars: tuple[Line, Pieces]) -> None:
    line, pieces = bars
    # The classifier cannot tell whether the second is a 7 or a 4.
    undecided = sure_of(1, NOT_A_DIGIT, 7)
    undecided[2, 4] = 0.9
    path = best_path(line, pieces, segments_of(line, pieces), undecided, columns_of((1, 4)), grey=True)
    assert path.hypotheses.chosen_by == GREY
    assert [edge.label for edge in path.digits] == [1, 4]
    assert path.digits[1].probabilities.argmax() == 4


def test_text_without_a_path_is_not_chosen(joined: tuple[Line, Pieces]) -> None:
    line, pieces = joined
    path = best_path(line, pieces, segments_of(line, pieces), sure_of(1, NOT_A_DIGIT, 7), columns_of((1, 7, 7)))
    assert [edge.label for edge in path.digits] == [1, 7]


def test_ctc_text_without_a_path_lowers_the_confidence(joined: tuple[Line, Pieces]) -> None:
    line, pieces = joined
    segments = segments_of(line, pieces)
    texts = (1, 7), (1, 7, 7)
    agree, differ = (best_path(line, pieces, segments, sure_of(1, 4, 7), columns_of(text)) for text in texts)
    assert [edge.label for edge in differ.digits] == [edge.label for edge in agree.digits] == [1, 7]
    assert differ.hypotheses.differ
    assert differ.confidence < agree.confidence - 0.05


def test_confidence_falls_where_lattice_and_line_reader_differ(joined: tuple[Line, Pieces]) -> None:
    line, pieces = joined
    segments = segments_of(line, pieces)
    agree, differ = (best_path(line, pieces, segments, sure_of(1, 4, 7), columns_of(text)) for text in ((1, 7), (1, 1)))
    assert [edge.label for edge in agree.digits] == [1, 7]
    assert differ.confidence < agree.confidence


def test_flag_cut_from_its_stem_is_not_a_1(bars: tuple[Line, Pieces]) -> None:
    line, pieces = bars
    flag, both, stem = segments_of(line, pieces)
    # As the flag and the stem of a 1: each looks a little more like a 1 than both together.
    undecided = sure_of(1, 1, 1)
    undecided[1, 1] = 0.6
    short = replace(flag, box=(*flag.box[:3], round(0.6 * line.body)))
    as_tall = best_path(line, pieces, [flag, both, stem], undecided)
    assert [edge.label for edge in as_tall.digits] == [1, 1]
    parted = best_path(line, pieces, [short, both, stem], undecided)
    assert [edge.label for edge in parted.digits] == [1]


def test_spotter_decides_where_the_classifier_cannot(bars: tuple[Line, Pieces]) -> None:
    line, pieces = bars
    columns = int(line.strength.shape[1] * BODY / line.body / STRIDE) + 1
    spotted = np.full((columns, 11), np.log(0.001), np.float32)
    spotted[:, BLANK] = np.log(0.99)
    one = spotted.copy()
    one[columns // 2] = np.log(0.001)
    one[columns // 2, 4] = np.log(0.99)
    undecided = sure_of(1, 4, 1)
    assert [edge.label for edge in best_path(line, pieces, segments_of(line, pieces, one), undecided).digits] == [4]
    two = spotted.copy()
    for column in (columns // 5, columns - columns // 5):
        two[column] = np.log(0.001)
        two[column, 1] = np.log(0.99)
    assert [edge.label for edge in best_path(line, pieces, segments_of(line, pieces, two), undecided).digits] == [1, 1]


def test_spotter_alone_cannot_make_a_digit(bars: tuple[Line, Pieces]) -> None:
    line, pieces = bars
    columns = int(line.strength.shape[1] * BODY / line.body / STRIDE) + 1
    spotted = np.full((columns, 11), np.log(1e-5), np.float32)
    spotted[:, BLANK] = np.log(0.9999)
    spotted[columns // 2] = np.log(1e-5)
    spotted[columns // 2, 4] = np.log(0.9999)
    guess = sure_of(NOT_A_DIGIT, NOT_A_DIGIT, NOT_A_DIGIT)
    guess[1] = [0.03] * 10 + [0.7]
    path = best_path(line, pieces, segments_of(line, pieces, spotted), guess)
    assert [edge.label for edge in path.digits] == [4]
    assert path.confidence < MIN_CONFIDENCE


def test_segment_that_is_no_digit_is_skipped(bars: tuple[Line, Pieces]) -> None:
    line, pieces = bars
    segments = segments_of(line, pieces)
    probabilities = sure_of(1, NOT_A_DIGIT, NOT_A_DIGIT)
    probabilities[1:, :NOT_A_DIGIT] = 1e-6
    probabilities[1, NOT_A_DIGIT] = 0.01
    path = best_path(line, pieces, segments, probabilities)
    assert [edge.label for edge in path.digits] == [1]
    assert [edge.label for edge in path.others] == [NOT_A_DIGIT]
