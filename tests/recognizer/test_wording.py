"""Wording of numbers."""

import pytest

from recognizer.reading import SURE_FROM
from recognizer.templatetags.wording import exact_percent, ignored_words, percent, set_title, sureness, thousands


@pytest.mark.parametrize(
    ("share", "said"),
    [(1.0, "> 99.9 %"), (0.9995, "> 99.9 %"), (0.9994, "99.9 %"), (0.5, "50.0 %"), (0.0005, "0.1 %"), (0.0, "< 0.1 %")],
)
def test_percentages_never_reach_0_or_100(share: float, said: str) -> None:
    assert percent(share) == said


def test_measured_shares_have_two_decimals() -> None:
    assert exact_percent(0.99731) == "99.73 %"
    assert exact_percent(1.0) == "100.00 %"


def test_the_words_for_sureness_follow_the_confidence() -> None:
    said = [sureness(confidence) for confidence in (1.0, 0.98, 0.95, SURE_FROM, SURE_FROM - 0.01, 0.3)]
    assert said == ["Very sure", "Very sure", "Fairly sure", "Fairly sure", "Unsure", "Unsure"]


@pytest.mark.parametrize(
    ("kinds", "said"),
    [
        ([], ""),
        (["point"], "A point was ignored."),
        (["dash", "point", "dash"], "2 dashes and a point were ignored."),
        (["letter", "point", "dash"], "A letter, a point and a dash were ignored."),
    ],
)
def test_ignored_marks_are_listed_in_a_sentence(kinds: list[str], said: str) -> None:
    assert ignored_words([{"kind": kind, "box": [0, 0, 1, 1]} for kind in kinds]) == said


def test_large_numbers_are_grouped_by_thousands() -> None:
    assert [thousands(number) for number in (7, 1_000, 1_234_567)] == ["7", "1,000", "1,234,567"]


def test_titles_of_test_sets_are_plain() -> None:
    assert set_title("cheques_dev") == "Cheque amounts"
    assert set_title("my_pictures") == "my pictures"
