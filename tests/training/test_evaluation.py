import json
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from django.core.management.base import CommandError

from recognizer.reading import Reader, Reading, Reason
from recognizer.serving import install_shipped_version
from tests.conftest import run
from training import evaluation, report, scenes
from training.datasets import Mnist
from training.evaluation import (
    Result,
    Sample,
    calibration_by_chance,
    calibration_error,
    evaluate,
    refusal_at,
    reliability,
    wilson_interval,
)


class Parrot:
    """Reads whatever it was told to, in turn."""

    def __init__(self, *texts: str) -> None:
        self.texts = list(texts)

    def read_page(self, page: np.ndarray) -> Reading:
        text = self.texts.pop(0)
        return Reading(text, 0.8 if text else 0.0, (), None if text else Reason.NOT_A_NUMBER, page)


def samples(*texts: str) -> list[Sample]:
    return [Sample(str(number), np.full((20, 20), 255, np.uint8), text) for number, text in enumerate(texts)]


def test_whole_readings_are_compared_and_errors_sorted_by_kind() -> None:
    result = evaluate(Parrot("12", "13", "1", "", "", "5"), "set", samples("12", "12", "12", "12", "", ""))  # type: ignore[arg-type]
    assert result.right == [True, False, False, False, True, False]
    assert result.errors == {"digit": 1, "segmentation": 1, "refused": 1, "not refused": 1}
    assert result.accuracy == pytest.approx(2 / 6)


def test_the_interval_of_no_errors_is_not_empty() -> None:
    low, high = wilson_interval(100, 100)
    assert 0.95 < low < 0.97
    assert high == pytest.approx(1.0)


@pytest.fixture
def shipped(db: None, media: Path) -> None:
    """The shipped version serves, as after `manage.py migrate`."""
    install_shipped_version()


def test_all_sets_and_folders_are_measured_through_the_reader(
    shipped: None, tmp_path: Path, mnist_pictures: dict[int, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def a_few(reader: Reader, name: str, pages: Iterable[Sample], total: int) -> Result:
        return evaluate(reader, name, islice(pages, 12))

    monkeypatch.setattr(evaluation, "evaluate", a_few)
    folders = {tmp_path / "scans": (3, 7), tmp_path / "other" / "scans": (1, 0, 8)}
    for folder, digits in folders.items():
        folder.mkdir(parents=True)
        for digit in digits:
            (folder / f"{digit}.png").write_bytes(mnist_pictures[digit])
        (folder / "labels.json").write_text(json.dumps({f"{digit}.png": {"text": str(digit)} for digit in digits}))
    table, _ = run("evaluate", *folders, output=tmp_path / "out")
    for digits in folders.values():
        assert f"| scans | {len(digits)} | **100.00%** |" in table
    for name in ("MNIST test", "strings, apart", "strings, touching", "drawings", "photographs", "no numbers"):
        assert f"| {name} | 12 | " in table
    assert (tmp_path / "out" / "table.md").read_text() in table


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (None, "holds no labels.json"),
        ('{"a.png": "7"}', "labels.json is not"),
        ('{"a.png": {"text": "7"}}', "a.png"),
        ('{"b.png": {"text": "7"}}', "b.png: This is not a PNG"),
    ],
)
def test_a_folder_that_cannot_be_measured_is_told_of_before_anything_is_measured(
    shipped: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, labels: str | None, told: str
) -> None:
    def too_soon(*args: object) -> None:
        raise AssertionError("measured")

    monkeypatch.setattr(evaluation, "evaluate", too_soon)
    (tmp_path / "b.png").write_bytes(b"no picture")
    if labels is not None:
        (tmp_path / "labels.json").write_text(labels)
    with pytest.raises(CommandError, match=told):
        run("evaluate", tmp_path)


def test_the_report_has_a_row_for_each_set_and_pictures_of_mistakes(tmp_path: Path) -> None:
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


def test_a_table_is_published_between_the_readmes_marks(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- learning -->\nold\n<!-- /learning -->\nafter\n")
    for _ in range(2):
        report.publish(readme, report.LEARNING, "new\n")
        assert readme.read_text() == "before\n<!-- learning -->\nnew\n<!-- /learning -->\nafter\n"


def test_what_corrections_teach_is_told_in_a_table_and_drawn_as_curves(tmp_path: Path) -> None:
    point = {"corrections": 300, "wrong": 0.0, "before": 0.5, "after": 0.1, "mnist_before": 0.005, "mnist_after": 0.005}
    wrong = {"wrong": 0.3, "after": 0.4, "refused": ["MNIST test", "each digit"]}
    quiet, during = {"calls": 300, "median": 6.0, "p95": 10.0}, {"calls": 900, "median": 8.0, "p95": 18.0}
    served = {"corrections": 300, "state": "promoted", "minutes": 3.2, "every": 0.2, "failed": 0}
    learning = {
        "version": "one",
        "judged": 1500,
        "points": [point | {"refused": [], "minutes": 2.5}, point | wrong | {"minutes": 2.5}],
        "served": served | {"quiet": quiet, "during": during},
    }
    told = report.learning_table(learning)
    assert "| 300 | 0% | 50.0% → 10.0% | 80% | 0.50% → 0.50% | passes | 2.5 |" in told
    assert "| 300 | 30% | 50.0% → 40.0% | 20% | 0.50% → 0.50% | refuses: MNIST test, each digit | 2.5 |" in told
    assert "1.8 times the p95, over 900 calls, none of which failed." in told
    report.draw_learning(learning, tmp_path / "learning.png")
    assert 0 < (tmp_path / "learning.png").stat().st_size < 300_000


def test_refusals_are_counted_at_the_confidence_that_keeps_the_digits() -> None:
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
        *scenes.strings(little_mnist.test, 4, (-2, 2), seed=1),
        *scenes.drawings(4, seed=1),
        *scenes.photographs(little_mnist.test, 4, seed=1),
    ]
    for sample in made:
        assert sample.page.dtype == np.uint8
        assert sample.page.ndim == 2
        assert all(line.isdigit() for line in sample.text.split("\n"))
    assert all(sample.text == "" for sample in scenes.no_numbers(6, seed=1))


def test_a_confidence_that_is_always_kept_has_no_error() -> None:
    confidences = np.repeat([0.25, 0.75], 1000)
    right = np.concatenate([np.arange(1000) < 250, np.arange(1000) < 750])
    assert calibration_error(confidences, right) < 1e-9


def test_boasting_is_measured() -> None:
    assert calibration_error(np.full(100, 0.95), np.arange(100) < 50) == pytest.approx(0.45)


def test_few_pages_look_miscalibrated_by_chance_and_many_do_not() -> None:
    confidences = np.random.default_rng(1).uniform(0.5, 1, 20_000)
    assert calibration_by_chance(confidences[:100]) > 0.05
    assert calibration_by_chance(confidences) < 0.01
