import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError

from recognizer.models import Correction, Prediction
from tests.factories import encoded, run
from tests.fakes import FakeReader

Make = Callable[..., Prediction]

pytestmark = pytest.mark.django_db


def folder_with(path: Path, labels: Any, **images: bytes) -> Path:
    path.mkdir(exist_ok=True)
    for name, content in images.items():
        (path / f"{name}.png").write_bytes(content)
    (path / "labels.json").write_text(json.dumps(labels))
    return path


def test_imported_images_have_approved_corrections(
    tmp_path: Path, mnist_pictures: dict[int, bytes], user: User
) -> None:
    labels = {"a.png": {"text": "3"}, "b.png": {"text": "9", "writer": "w1", "boxes": [[0, 0, 1, 1]]}}
    folder = folder_with(tmp_path / "in", labels, a=mnist_pictures[3], b=mnist_pictures[4])
    out, _ = run("import_corrections", folder, user="ada")
    assert out == "imported 2 of 2 images, 1 of which are already read correctly\n"
    right, wrong = Correction.objects.order_by("id")
    assert (wrong.text, wrong.prediction.text, wrong.writer, right.writer) == ("9", "4", "w1", "")
    for correction in (right, wrong):
        assert (correction.state, correction.imported, correction.reviewed_by) == ("approved", True, user)
        assert (correction.prediction.owner, correction.prediction.source) == (user, "import")
        assert correction.box_labels == [int(correction.text)]


def test_refused_digit_can_still_be_trained_on(tmp_path: Path, reader: FakeReader, picture: bytes) -> None:
    class Classifier:
        def classify(self, frames: np.ndarray) -> np.ndarray:
            return np.tile(np.float32([0.1, 0.2] + [0.05] * 9), (len(frames), 1))

    from recognizer.reading import Reader, Reason

    reader.reason = Reason.NOT_A_NUMBER
    reader.reader = Reader(Classifier())
    run("import_corrections", folder_with(tmp_path / "in", {"a.png": {"text": "7"}}, a=picture))
    correction = Correction.objects.get()
    assert (correction.prediction.text, correction.box_labels) == ("", [7])
    (digit,) = correction.prediction.digits
    assert (digit["label"], digit["confidence"]) == (1, 0.2)
    x, _y, width, _height = digit["box"]
    assert abs(x - 28) < 3
    assert abs(width - 55) < 4


def test_refused_picture_is_imported_without_boxes(tmp_path: Path, reader: FakeReader, picture: bytes) -> None:
    from recognizer.reading import Reason

    reader.reason = Reason.NOT_A_NUMBER
    run("import_corrections", folder_with(tmp_path / "in", {"a.png": {"text": "11"}}, a=picture))
    assert Correction.objects.get().box_labels is None


def test_file_that_is_not_a_picture_is_reported_and_skipped(tmp_path: Path, reader: FakeReader, picture: bytes) -> None:
    labels = {"a.png": {"text": "7"}, "b.png": {"text": "7"}, "gone.png": {"text": "7"}}
    out, err = run("import_corrections", folder_with(tmp_path / "in", labels, a=b"nonsense", b=picture))
    assert "imported 1 of 3" in out
    assert "a.png" in err
    assert "gone.png" in err


@pytest.mark.parametrize(
    "labels",
    [[], {"a.png": "7"}, {"a.png": {}}, {"a.png": {"text": "seven"}}, {"../a.png": {"text": "7"}}, {"a.png": None},
     {"a.png": {"text": 7}}, {"a.png": {"text": "7", "writer": "w" * 101}}],
)  # fmt: skip
def test_invalid_labels_fail_before_any_import(tmp_path: Path, reader: FakeReader, picture: bytes, labels: Any) -> None:
    folder = folder_with(tmp_path / "in", labels, a=picture)
    with pytest.raises(CommandError):
        run("import_corrections", folder)
    assert not Prediction.objects.exists()


def test_folder_without_labels_or_unknown_user_is_an_error(tmp_path: Path, reader: FakeReader) -> None:
    with pytest.raises(CommandError, match=r"has no labels\.json"):
        run("import_corrections", tmp_path)
    with pytest.raises(CommandError, match="no user nobody"):
        run("import_corrections", tmp_path, user="nobody")


def test_exported_corrections_can_be_imported_again(
    tmp_path: Path, make_prediction: Make, staff: User, user: User, reader: FakeReader
) -> None:
    mine = [make_prediction(owner=user) for _ in range(2)]
    for prediction, text in zip(mine, ("47", "43"), strict=True):
        prediction.flag(text).approve(by=staff)
    twice = make_prediction()
    for text in ("1", "2"):
        twice.flag(text).approve(by=staff)
    make_prediction().flag("8")
    # Confirmed without a review: imported again, it would count as approved.
    make_prediction().flag("42")
    make_prediction().flag("9").reject(by=staff)
    out, _ = run("export_corrections", tmp_path / "out")
    assert out.startswith("exported 3 images")
    labels = json.loads((tmp_path / "out" / "labels.json").read_text())
    assert [entry["text"] for entry in labels.values()] == ["47", "43", "2"]
    first, second, third = labels.values()
    assert first["writer"] == second["writer"] != third["writer"]
    # A pseudonym may contain any three hexadecimal digits.
    assert all(re.fullmatch("[0-9a-f]{12}", entry["writer"]) for entry in labels.values())
    assert "ada" not in json.dumps([entry | {"writer": ""} for entry in labels.values()])
    assert (first["read"], first["model_version"], first["source"]) == ("42", "test version", "api")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {*labels, "labels.json"}

    Prediction.objects.all().delete()
    run("import_corrections", tmp_path / "out")
    assert [correction.text for correction in Correction.objects.order_by("id")] == ["47", "43", "2"]
    assert {correction.writer for correction in Correction.objects.all()} == {first["writer"], third["writer"]}


def test_imported_writer_keeps_the_name(tmp_path: Path, reader: FakeReader) -> None:
    blot = encoded(np.pad(np.zeros((20, 8), np.uint8), 10, constant_values=255))
    run("import_corrections", folder_with(tmp_path / "in", {"a.png": {"text": "42", "writer": "w7"}}, a=blot))
    run("export_corrections", tmp_path / "out")
    (entry,) = json.loads((tmp_path / "out" / "labels.json").read_text()).values()
    assert (entry["text"], entry["writer"], entry["source"]) == ("42", "w7", "import")
