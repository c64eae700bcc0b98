import re
from copy import copy
from dataclasses import replace

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from recognizer.reading import Reading, lattice
from recognizer.reading.choice import BIAS, CONFIDENCE, FEATURES, VARIANTS
from recognizer.reading.lattice import ALONE, GREY, LINE, Hypotheses, Path
from training.evaluation.measures import Sample
from training.networks.calibration import (
    ReadLine,
    ReadVariants,
    fit_calibration,
    fit_choice,
    fit_temperature,
    fit_threshold,
    fit_weight,
)


def test_temperature_undoes_a_known_scaling(rng: np.random.Generator) -> None:
    logits = rng.normal(0, 2, (20_000, 11))
    odds = np.exp(logits)
    odds /= odds.sum(axis=1, keepdims=True)
    labels = (odds.cumsum(axis=1) > rng.random((20_000, 1))).argmax(axis=1)
    assert fit_temperature(logits * 1.8, labels) == pytest.approx(1.8, rel=0.05)


def line(by_lattice: np.ndarray, by_line: np.ndarray, truth: int, chosen_by: int = LINE) -> ReadLine:
    """A line whose texts have these probabilities by lattice and CTC network."""
    scores = np.log(np.stack([by_lattice, by_line], axis=1) + 1e-9)
    hypotheses = Hypotheses([(place,) for place in range(len(scores))], scores, chosen_by)
    return ReadLine(Path([], [], float(by_lattice[0]), False, hypotheses), truth)


def test_often_confidently_wrong_network_gets_a_higher_floor(rng: np.random.Generator) -> None:
    lines = []
    for _ in range(600):
        truth, other = rng.permutation(2)
        sure = np.where(np.arange(2) == truth, 0.999, 0.001)
        wrong = np.where(np.arange(2) == other, 0.999, 0.001)
        by_lattice, by_line = (wrong if rng.random() < often else sure for often in (0.3, 0.02))
        lines.append(line(by_lattice, by_line, int(truth)))
    # Lines whose text others choose must not count.
    lines += [line(np.array([0.1, 0.9]), np.array([0.9, 0.1]), 0, other) for other in (ALONE, GREY)] * 300
    weight, doubts = fit_weight([lines], LINE)
    assert weight > 0
    assert doubts[0] > doubts[1] + 1


@pytest.mark.parametrize("chosen_by", [ALONE, LINE, GREY])
def test_fitted_curve_is_the_true_one(rng: np.random.Generator, chosen_by: int) -> None:
    truth = np.array([0.6, -0.4, 0.0, 0.0])
    lines = []
    for share in rng.uniform(0.55, 0.98, 6000):
        likely = line(np.array([share, 1 - share]), np.array([0.6, 0.4]), 0, chosen_by)
        right = rng.random() < 1 / (1 + np.exp(-(likely.path.evidence @ truth)))
        lines.append(replace(likely, truth=0 if right else 1))
    curve = fit_calibration([lines], chosen_by)
    evidence = np.stack([each.path.evidence for each in lines])
    assert np.abs(evidence @ curve - evidence @ truth).max() < 0.3


def test_fitting_weighs_each_kind_of_page_equally() -> None:
    def kind(count: int, right: int) -> list[ReadLine]:
        half = np.array([0.5, 0.5])
        return [line(half, half, 0 if number < right else 1, ALONE) for number in range(count)]

    # Ten lines count a fifth of a kind: one fifth of the mean.
    few = fit_calibration([kind(1000, 900), kind(10, 0)], ALONE)
    assert 1 / (1 + np.exp(-few[1])) == pytest.approx(0.9 / 1.2, abs=0.02)
    curve = fit_calibration([kind(1000, 900), kind(100, 50)], ALONE)
    assert 1 / (1 + np.exp(-curve[1])) == pytest.approx(0.7, abs=0.02)


def test_threshold_keeps_its_share_of_right_readings() -> None:
    class Reader:
        """Its confidence grows with the page's brightness; the darkest is read wrong."""

        def read_page(self, page: np.ndarray) -> Reading:
            return Reading("1" if page[0, 0] > 0 else "7", page[0, 0] / 100, (), None, page)

    pages = [Sample("", np.full((1, 1), grey, np.uint8), "1") for grey in range(101)]
    assert fit_threshold(Reader(), pages, kept=0.9) == pytest.approx(0.1, abs=0.011)  # type: ignore[arg-type]


def test_fitted_choice_weights_are_the_true_ones(rng: np.random.Generator) -> None:
    odds, bias = rng.normal(0, 2, (20_000, VARIANTS)), np.array([1.0, 0.0, -1.0])
    found = np.zeros((20_000, VARIANTS, FEATURES))
    for variant in range(VARIANTS):
        found[:, variant, CONFIDENCE.start + variant], found[:, variant, BIAS.start + variant] = odds[:, variant], 1
    right = rng.random((20_000, VARIANTS)) < 1 / (1 + np.exp(-(0.5 * odds + bias)))
    pages = [ReadVariants(*page) for page in zip(found, np.ones_like(right), right, strict=True)]
    choice = np.array(fit_choice([pages], ridge=0.0))
    assert choice[CONFIDENCE] == pytest.approx([0.5] * VARIANTS, abs=0.05)
    assert choice[BIAS] == pytest.approx(bias, abs=0.07)


@pytest.mark.django_db
def test_command_prints_fitted_constants(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WEIGHTS", "DOUBTS", "CALIBRATION"):
        # The command sets them.
        monkeypatch.setattr(lattice, name, copy(getattr(lattice, name)))
    call_command("calibrate", pages=25)
    number = r"-?\d+\.\d\d"
    assert re.fullmatch(
        rf"WEIGHTS = {{.+}}\nDOUBTS = {{.+}}\nCALIBRATION = \(.+\)\n"
        rf"CHOICE = \(({number}, ){{10}}{number}\)\nSURE_FROM = {number}\n",
        capsys.readouterr().out,
    )


@pytest.mark.django_db
def test_command_refuses_too_few_pages() -> None:
    with pytest.raises(CommandError, match="Too few pages"):
        call_command("calibrate", pages=0)


@pytest.mark.django_db
@pytest.mark.usefixtures("no_reader")
def test_command_without_a_version_is_refused() -> None:
    with pytest.raises(CommandError):
        call_command("calibrate")
