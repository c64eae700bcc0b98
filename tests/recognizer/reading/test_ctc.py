"""CTC scores against a sum over all alignments, listed one by one."""

from itertools import groupby, product

import numpy as np
import pytest

from recognizer.reading.ctc import Text, likely_texts, score_texts
from recognizer.reading.spotter import BLANK


def columns_of(count: int) -> np.ndarray:
    scores = np.random.default_rng(count).normal(0, 2, (count, 11))
    return np.asarray(scores - np.logaddexp.reduce(scores, axis=1, keepdims=True))


def by_counting(columns: np.ndarray, digits: tuple[int, ...]) -> dict[Text, float]:
    """Sum over all alignments of some digits."""
    found: dict[Text, float] = {}
    for alignment in product((*digits, BLANK), repeat=len(columns)):
        text = tuple(label for label, _ in groupby(alignment) if label != BLANK)
        likely = float(columns[np.arange(len(columns)), alignment].sum())
        found[text] = float(np.logaddexp(found.get(text, -np.inf), likely))
    return found


@pytest.mark.parametrize("text", [(), (3,), (3, 3), (3, 7), (7, 3, 7), (3, 7, 7)])
def test_score_is_the_sum_over_all_alignments(text: Text) -> None:
    columns = columns_of(5)
    assert score_texts(columns, [text])[0] == pytest.approx(by_counting(columns, (3, 7))[text])


def test_texts_of_several_lengths_are_scored_at_once() -> None:
    columns = columns_of(9)
    texts: list[Text] = [(1, 2, 3), (), (5,), (4, 4)]
    assert score_texts(columns, texts) == pytest.approx([score_texts(columns, [text])[0] for text in texts])


def test_equal_digits_need_a_blank_between_them() -> None:
    columns = np.full((2, 11), -30.0)
    columns[:, 8] = 0.0
    once, twice = score_texts(columns, [(8,), (8, 8)])
    assert once == pytest.approx(0, abs=1e-6)
    assert twice < -1e6


def test_most_likely_text_comes_first() -> None:
    columns = columns_of(6)
    columns[:, [0, 1, 2, 4, 5, 6, 8, 9]] = -50.0
    best = sorted(by_counting(columns, (3, 7)).items(), key=lambda item: -item[1])
    found = likely_texts(columns, 3)
    assert found[0] == best[0][0]
    assert len(found) == 3


def test_blank_columns_give_the_empty_text() -> None:
    columns = np.full((4, 11), -20.0)
    columns[:, BLANK] = 0.0
    assert likely_texts(columns, 2) == [()]
