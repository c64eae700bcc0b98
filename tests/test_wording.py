"""How the site says numbers."""

import pytest

from recognizer.templatetags.wording import exact_percent, percent, sureness, thousands


@pytest.mark.parametrize(
    ("share", "said"),
    [(1.0, "> 99.9 %"), (0.9995, "> 99.9 %"), (0.9994, "99.9 %"), (0.5, "50.0 %"), (0.0005, "0.1 %"), (0.0, "< 0.1 %")],
)
def test_nothing_is_said_to_be_certain(share: float, said: str) -> None:
    assert percent(share) == said


def test_what_was_measured_is_said_to_two_decimals() -> None:
    assert exact_percent(0.99731) == "99.73 %"
    assert exact_percent(1.0) == "100.00 %"


def test_the_words_for_sureness_follow_the_confidence() -> None:
    said = [sureness(confidence) for confidence in (1.0, 0.98, 0.95, 0.7, 0.3)]
    assert said == ["Very sure", "Very sure", "Fairly sure", "Not so sure", "Little more than a guess"]


def test_large_numbers_are_parted_in_threes() -> None:
    assert [thousands(number) for number in (7, 1_000, 1_234_567)] == ["7", "1\u202f000", "1\u202f234\u202f567"]
