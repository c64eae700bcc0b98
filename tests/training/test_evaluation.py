import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from recognizer.reading import Reading, Reason
from training import report, scenes
from training.datasets import Mnist
from training.evaluation import Sample, evaluate, folder_samples, wilson_interval


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


def test_a_folder_of_images_with_labels_becomes_samples(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.full((10, 12), 200, np.uint8))
    (tmp_path / "labels.json").write_text(json.dumps({"a.png": {"text": "31"}}))
    (sample,) = folder_samples(tmp_path)
    assert (sample.name, sample.text, sample.page.shape) == ("a.png", "31", (10, 12))


def test_the_report_has_a_row_for_each_set_and_pictures_of_mistakes(tmp_path: Path) -> None:
    result = evaluate(Parrot("12", "7"), "two, apart", samples("12", "1"))  # type: ignore[arg-type]
    text = report.table("v1", [result])
    assert "| two, apart | 2 | 50.00% |" in text
    report.write(tmp_path, text, [result])
    assert {path.name for path in tmp_path.iterdir()} == {
        "table.md",
        "reliability.png",
        "worst-two-apart.png",
    }


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
