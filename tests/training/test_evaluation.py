import json
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from django.core.management.base import CommandError

from recognizer.reading import SURE_FROM, Reader, Reading, Reason
from recognizer.serving.install import install_shipped_version
from tests.factories import run
from training.evaluation import measures, pages, report
from training.evaluation.measures import (
    Result,
    Sample,
    calibration_by_chance,
    calibration_error,
    evaluate,
    refusal_at,
    reliability,
)
from training.synthesis.datasets import Mnist


class Parrot:
    """Returns given readings in turn."""

    def __init__(self, *texts: str, confidence: float = 0.8) -> None:
        self.texts, self.confidence = list(texts), confidence

    def read_page(self, page: np.ndarray) -> Reading:
        text = self.texts.pop(0)
        return Reading(text, self.confidence if text else 0.0, (), None if text else Reason.NOT_A_NUMBER, page)


def samples(*texts: str) -> list[Sample]:
    return [Sample(str(number), np.full((20, 20), 255, np.uint8), text) for number, text in enumerate(texts)]


def test_whole_readings_are_compared_and_errors_sorted_by_kind() -> None:
    result = evaluate(Parrot("12", "13", "1", "", "", "5"), "set", samples("12", "12", "12", "12", "", ""))  # type: ignore[arg-type]
    assert result.right == [True, False, False, False, True, False]
    assert result.errors == {"digit": 1, "segmentation": 1, "refused": 1, "not refused": 1}
    assert result.accuracy == pytest.approx(2 / 6)


@pytest.mark.parametrize(
    ("right", "wrong", "interval"), [(100, 0, (0.9630, 1.0)), (9950, 50, (0.99342, 0.99620)), (0, 0, (0.0, 1.0))]
)
def test_accuracy_has_a_wilson_interval(right: int, wrong: int, interval: tuple[float, float]) -> None:
    result = Result("set", right=[True] * right + [False] * wrong)
    assert result.interval == pytest.approx(interval, abs=1e-4)


@pytest.fixture
def shipped(db: None, media: Path) -> None:
    """The shipped version is current, as after `manage.py migrate`."""
    install_shipped_version()


@pytest.mark.parametrize(
    ("confidence", "unsure_refuses", "accuracy"),
    [(SURE_FROM - 0.01, True, 1), (SURE_FROM - 0.01, False, 0), (SURE_FROM, True, 0)],
)
def test_unsure_reading_of_a_letter_can_count_as_refused(
    confidence: float, unsure_refuses: bool, accuracy: int
) -> None:
    parrot = Parrot("7", confidence=confidence)
    result = evaluate(parrot, "letters", samples(""), unsure_refuses=unsure_refuses)  # type: ignore[arg-type]
    assert result.accuracy == result.refused == accuracy


def test_all_sets_and_folders_are_measured_through_the_reader(
    shipped: None, tmp_path: Path, mnist_pictures: dict[int, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def a_few(reader: Reader, name: str, pages: Iterable[Sample], total: int, unsure_refuses: bool = False) -> Result:
        return evaluate(reader, name, islice(pages, 12), unsure_refuses=unsure_refuses)

    monkeypatch.setattr(measures, "evaluate", a_few)
    folders = {tmp_path / "scans": (3, 7), tmp_path / "other" / "scans": (1, 0, 8)}
    for folder, digits in folders.items():
        folder.mkdir(parents=True)
        for digit in digits:
            (folder / f"{digit}.png").write_bytes(mnist_pictures[digit])
        (folder / "labels.json").write_text(json.dumps({f"{digit}.png": {"text": str(digit)} for digit in digits}))
    table, _ = run("evaluate", *folders, output=tmp_path / "out")
    for digits in folders.values():
        assert f"| scans | {len(digits)} | **100.00%** |" in table
    for name in ("MNIST test", "strings, touching", "drawings", "photographs", "no numbers", "touching", "letters"):
        assert f"| {name} | 12 | " in table
    assert (tmp_path / "out" / "table.md").read_text() in table


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (None, "has no labels.json"),
        ('{"a.png": "7"}', "labels.json is not"),
        ('{"a.png": {"text": "7"}}', "a.png"),
        ('{"b.png": {"text": "7"}}', "b.png: This is not a PNG"),
    ],
)
def test_invalid_folder_fails_before_any_measurement(
    shipped: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, labels: str | None, told: str
) -> None:
    def too_soon(*args: object) -> None:
        raise AssertionError("measured")

    monkeypatch.setattr(measures, "evaluate", too_soon)
    (tmp_path / "b.png").write_bytes(b"no picture")
    if labels is not None:
        (tmp_path / "labels.json").write_text(labels)
    with pytest.raises(CommandError, match=told):
        run("evaluate", tmp_path)


def test_report_has_a_row_per_set_and_pictures_of_errors(tmp_path: Path) -> None:
    result = evaluate(Parrot("12", "7"), "two, apart", samples("12", "1"))  # type: ignore[arg-type]
    nothing = evaluate(Parrot("", "8"), report.NO_NUMBERS, samples("", ""))  # type: ignore[arg-type]
    digits = evaluate(Parrot("1", "7"), report.MNIST_TEST, samples("1", "7"))  # type: ignore[arg-type]
    measured = report.summarised("v1", [digits, result, nothing])
    assert "| two, apart | 2 | **50.00%** |" in report.table(measured)
    report.write(tmp_path, measured, [digits, result, nothing])
    assert {path.name for path in tmp_path.iterdir()} == {
        "table.md",
        "reliability.png",
        "worst-two-apart.png",
        "worst-no-numbers.png",
    }


def test_refusals_are_counted_at_the_digits_threshold() -> None:
    digits, others = Result("digits"), Result("others")
    digits.confidences = [0.5 + 0.005 * step for step in range(100)]
    others.confidences = [0.0, 0.3, 0.49, 0.9]
    confidence, refused = refusal_at(0.985, [digits], others)
    assert 0.5 < confidence < 0.52
    assert refused == 0.75


def test_reliability_leaves_out_refusals_and_rare_confidences() -> None:
    confidences = np.array([0.0] * 50 + [0.95] * 20 + [0.45] * 3)
    right = np.array([True] * 50 + [True] * 19 + [False] + [True] * 3)
    assert reliability(confidences, right) == [[0.95, 0.95]]


def test_scenes_are_pages_with_their_text(little_mnist: Mnist) -> None:
    made = [
        *pages.strings(little_mnist.test, 4, (-2, 2), seed=1),
        *pages.drawings(4, seed=1),
        *pages.photographs(little_mnist.test, 4, seed=1),
    ]
    for sample in made:
        assert sample.page.dtype == np.uint8
        assert sample.page.ndim == 2
        assert all(line.isdigit() for line in sample.text.split("\n"))
    assert all(sample.text == "" for sample in (*pages.no_numbers(6, seed=1), *pages.letters(3, seed=1)))


def test_calibrated_confidences_have_no_error() -> None:
    confidences = np.repeat([0.25, 0.75], 1000)
    right = np.concatenate([np.arange(1000) < 250, np.arange(1000) < 750])
    assert calibration_error(confidences, right) < 1e-9


def test_overconfidence_is_measured() -> None:
    assert calibration_error(np.full(100, 0.95), np.arange(100) < 50) == pytest.approx(0.45)


def test_few_pages_look_miscalibrated_by_chance_and_many_do_not() -> None:
    confidences = np.random.default_rng(1).uniform(0.5, 1, 20_000)
    assert calibration_by_chance(confidences[:100]) > 0.05
    assert calibration_by_chance(confidences) < 0.01
