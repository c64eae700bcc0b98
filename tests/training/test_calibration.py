import re

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from training.calibration import ReadString, fit_candour, fit_temperature


def test_overconfident_logits_are_cooled_by_what_they_were_heated(rng: np.random.Generator) -> None:
    logits = rng.normal(0, 2, (20_000, 11))
    odds = np.exp(logits)
    odds /= odds.sum(axis=1, keepdims=True)
    labels = (odds.cumsum(axis=1) > rng.random((20_000, 1))).argmax(axis=1)
    assert fit_temperature(logits * 1.8, labels) == pytest.approx(1.8, rel=0.05)


def test_the_curve_is_the_one_that_strings_come_true_by(rng: np.random.Generator) -> None:
    odds, cuts = rng.normal(2, 2, 40_000), rng.random(40_000) < 0.3
    right = rng.random(40_000) < 1 / (1 + np.exp(-(0.6 * odds + 0.5 - cuts)))
    strings = [ReadString(*string) for string in zip(odds.tolist(), cuts.tolist(), right.tolist(), strict=True)]
    assert fit_candour([strings]) == pytest.approx((0.6, 0.5, -1.0), abs=0.05)


def test_each_kind_of_page_counts_alike_however_many_strings_it_has() -> None:
    def kind(count: int, right: int) -> list[ReadString]:
        return [ReadString(0.0, False, number < right) for number in range(count)]

    _, always, _ = fit_candour([kind(1000, 900), kind(10, 5)])
    assert 1 / (1 + np.exp(-always)) == pytest.approx(0.7, abs=0.01)


@pytest.mark.django_db
def test_the_command_fits_the_curve_to_the_serving_version(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("calibrate", pages=25)
    assert re.fullmatch(r"CANDOUR = \((-?\d+\.\d\d, ){2}-?\d+\.\d\d\)\n", capsys.readouterr().out)


@pytest.mark.django_db
def test_too_few_pages_fit_nothing() -> None:
    with pytest.raises(CommandError, match="Too few pages"):
        call_command("calibrate", pages=0)


@pytest.mark.django_db
@pytest.mark.usefixtures("no_reader")
def test_without_a_version_there_is_nothing_to_fit() -> None:
    with pytest.raises(CommandError):
        call_command("calibrate")
