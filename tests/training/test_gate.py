import json
from dataclasses import replace

import numpy as np
import pytest
from django.utils import translation

from training.evaluation.measures import Result
from training.retraining.gate import Measured, judge, mcnemar
from training.retraining.verdicts import Verdict, told

LABELS = np.repeat(np.arange(10), 500)


def measured(wrong: int = 100, held: int = 5, digit: int | None = None, ms: float = 1.0) -> Measured:
    """A network that reads `wrong` of 5,000 validation images wrong, spread over the digits or all of one."""
    right = np.ones(5_000, bool)
    indices = np.arange(wrong) * 1009 % 5_000 if digit is None else np.flatnonzero(digit == LABELS)[:wrong]
    right[indices] = False
    result = Result("MNIST validation", confidences=[0.99] * 5_000, right=right.tolist())
    return Measured(result, np.arange(20) < held, np.ones(60, bool), refused=0.8, milliseconds=ms)


def failed(verdict: Verdict) -> list[str]:
    return [check.name for check in verdict.checks if not check.passed]


def judged(challenger: Measured, champion: Measured | None = None) -> list[str]:
    return failed(judge(champion or measured(), challenger, LABELS))


def test_challenger_that_fixes_and_breaks_nothing_passes() -> None:
    verdict = judge(measured(held=5), measured(held=12), LABELS)
    assert verdict.passed
    held_out = next(check for check in verdict.checks if check.name == "held-out corrections")
    assert "12 of 20 right, before 5: fixed 7, broke 0 (p = 0.016)" in held_out.sentence


def test_stored_verdict_is_told_in_the_language_of_the_page() -> None:
    stored = json.loads(json.dumps(judge(measured(held=5), measured(held=12), LABELS).as_json()))
    assert "p = 0.016" in stored["checks"][2]["sentence"]
    for language, words in (("de", "12 von 20 richtig"), ("es", "12 de 20 correctas")):
        with translation.override(language):
            checks = [told(check) for check in stored["checks"]]
        assert words in checks[2]["sentence"]
        assert "p = 0,016" in checks[2]["sentence"]
        assert not any(new["name"] == old["name"] for new, old in zip(checks[1:5], stored["checks"][1:5], strict=True))


def test_sentence_stored_without_figures_stays() -> None:
    assert told({"name": "speed", "passed": True, "sentence": "1.00 ms."})["sentence"] == "1.00 ms."


@pytest.mark.parametrize(("wrong", "names"), [(103, []), (104, ["MNIST validation"])])
def test_mnist_may_get_worse_by_three_in_five_thousand(wrong: int, names: list[str]) -> None:
    assert judged(measured(wrong, held=12)) == names


def test_gate_refuses_worse_recall_of_a_digit() -> None:
    before, after = measured(10, digit=3), measured(10, held=12, digit=8)
    assert judged(after, before) == ["each digit"]
    assert judged(measured(3, held=12, digit=8), before) == []


def test_challenger_no_better_on_held_out_is_refused() -> None:
    assert judged(measured(held=5)) == ["held-out corrections"]
    assert judged(measured(held=0)) == ["held-out corrections"]


def test_gate_refuses_labels_that_are_not_learnt() -> None:
    taught = np.arange(60) >= 25
    assert judged(replace(measured(held=12), taught=taught)) == ["labels hold together"]


def test_few_labels_must_be_learnt_better_than_many() -> None:
    taught = np.arange(20) >= 6
    assert judged(replace(measured(held=12), taught=taught)) == ["labels hold together"]
    assert judged(replace(measured(held=12), taught=np.repeat(taught, 10))) == []


def test_refusals_calibration_and_speed_must_not_move() -> None:
    assert judged(replace(measured(held=12), refused=0.76)) == ["refusals"]
    slow = measured(held=12, ms=1.3)
    assert judged(slow) == ["speed"]
    unsure = measured(held=12)
    unsure.validation.confidences[2_500:] = [0.9] * 2_500
    assert judged(unsure) == ["calibration"]


def test_calibration_is_tested_on_unfitted_images() -> None:
    unsure = measured(held=12)
    unsure.validation.confidences[:2_500] = [0.9] * 2_500
    assert judged(unsure) == []


def test_mcnemar_counts_changes_and_their_p_value() -> None:
    before, after = np.array([1, 1, 0, 0, 1], bool), np.array([1, 0, 1, 1, 1], bool)
    assert mcnemar(before, after) == (1, 2, 1.0)
    assert mcnemar(before, before) == (0, 0, 1.0)
    assert mcnemar(np.zeros(10, bool), np.ones(10, bool))[2] == pytest.approx(2 / 2**10)
