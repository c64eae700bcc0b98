import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.files.base import ContentFile
from django.core.management import CommandError

from recognizer.models import ModelVersion, Prediction
from recognizer.reading import open_image
from tests.factories import encoded, image_of, run
from tests.fakes import FakeReader
from training.models import RunState, TrainingRun

Make = Callable[..., Prediction]

pytestmark = pytest.mark.django_db


def recognize(*paths: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run("recognize", "--json", *paths)[0].splitlines()]


def test_real_digits_are_read_from_files(tmp_path: Path, mnist_pictures: dict[int, bytes]) -> None:
    for digit, content in mnist_pictures.items():
        (tmp_path / f"{digit}.png").write_bytes(content)
    answers = recognize(tmp_path)
    assert [answer["text"] for answer in answers] == [str(digit) for digit in range(10)]
    assert [answer["file"] for answer in answers] == [str(tmp_path / f"{digit}.png") for digit in range(10)]
    for answer in answers:
        assert set(answer) == {"file", "text", "confidence", "sure", "digits", "ignored", "reason"}
        (found,) = answer["digits"]
        assert set(found) >= {"label", "confidence", "box", "probabilities"}
        assert len(found["probabilities"]) == 10
        assert answer["reason"] is None
        assert 0 < answer["confidence"] <= 1
    assert not Prediction.objects.exists()


def test_unreadable_picture_has_a_reason(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encoded(np.full((50, 50), 255, np.uint8)))
    (tmp_path / "b.png").write_bytes(b"nonsense")
    (tmp_path / "c.png").write_bytes(b"")
    answers = recognize(tmp_path)
    assert [answer["reason"] for answer in answers] == ["no_ink", "unreadable", "unreadable"]
    assert {(answer["text"], len(answer["digits"])) for answer in answers} == {("", 0)}


def test_folders_are_searched_recursively_for_pictures(tmp_path: Path, reader: FakeReader, picture: bytes) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    for name in ("1.PNG", "2.jpeg", "3.webp", "notes.txt"):
        (deep / name).write_bytes(picture)
    (tmp_path / "0.png").write_bytes(picture)
    files = [Path(answer["file"]).name for answer in recognize(tmp_path)]
    assert sorted(files) == ["0.png", "1.PNG", "2.jpeg", "3.webp"]


def test_command_prints_a_line_for_each_file(tmp_path: Path, reader: FakeReader, picture: bytes) -> None:
    reader.text = "1\n2"
    (tmp_path / "a.png").write_bytes(picture)
    out, _ = run("recognize", tmp_path / "a.png")
    assert out == f"{tmp_path / 'a.png'}: 1 / 2 (81%)\n"


def test_missing_path_is_an_error(tmp_path: Path, reader: FakeReader) -> None:
    with pytest.raises(CommandError, match="does not exist"):
        recognize(tmp_path / "nowhere.png")


def test_command_without_a_version_says_what_to_do(tmp_path: Path, no_reader: None, picture: bytes) -> None:
    (tmp_path / "a.png").write_bytes(picture)
    with pytest.raises(CommandError, match="migrate"):
        recognize(tmp_path)


@pytest.mark.parametrize(("count", "bar"), [(3, False), (12, True)])
def test_progress_bar_is_shown_for_many_files(
    tmp_path: Path,
    reader: FakeReader,
    picture: bytes,
    capsys: pytest.CaptureFixture[str],
    count: int,
    bar: bool,
) -> None:
    for number in range(count):
        (tmp_path / f"{number}.png").write_bytes(picture)
    out, _ = run("recognize", "--json", tmp_path)
    assert len(out.splitlines()) == count
    assert (f"{count}/{count}" in capsys.readouterr().err) is bar


@pytest.fixture
def orphan(media: Path) -> Path:
    path = media / "predictions" / "2026" / "01" / "02" / "ab" / "left.png"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"left by a crash")
    os.utime(path, (0, 0))
    return path


@pytest.mark.usefixtures("image_files")
def test_sweep_removes_only_orphaned_files(orphan: Path, make_prediction: Make) -> None:
    kept = make_prediction()
    out, err = run("sweep_media")
    assert not orphan.exists()
    assert kept.image.storage.exists(kept.image.name)
    assert "removed 1 file without a row" in out
    assert err == ""


def test_sweep_skips_files_younger_than_an_hour(orphan: Path) -> None:
    os.utime(orphan)
    out, _ = run("sweep_media")
    assert orphan.exists()
    assert "removed 0 files" in out
    run("sweep_media", "--minutes", "0")
    assert not orphan.exists()


def test_dry_run_of_sweep_media_deletes_nothing(orphan: Path) -> None:
    out, _ = run("sweep_media", "--dry-run")
    assert orphan.exists()
    assert "left.png" in out
    assert "would remove 1 file" in out


def test_sweep_removes_orphaned_networks_and_snapshots(media: Path, version: ModelVersion) -> None:
    ended, active = (TrainingRun(state=state) for state in (RunState.CANCELLED, RunState.QUEUED))
    for training_run in (ended, active):
        training_run.save()
        training_run.snapshot.save("snapshot.zip", ContentFile(b"zip"))
    left = [media / "versions" / "half" / "digits.keras", media / "runs" / "999" / "snapshot.zip"]
    for path in left:
        path.parent.mkdir(parents=True)
        path.write_bytes(b"left by a crash")
    before = {path for path in media.rglob("*") if path.is_file()}
    run("sweep_media", "--minutes", "0")
    gone = before - {path for path in media.rglob("*") if path.is_file()}
    assert gone == {*left, media / ended.snapshot.name}


@pytest.mark.usefixtures("image_files")
def test_sweep_reports_predictions_without_an_image(media: Path, make_prediction: Make) -> None:
    lost = make_prediction()
    (media / lost.image.name).unlink()
    out, err = run("sweep_media")
    assert f"prediction {lost.pk} lacks its image" in err
    assert Prediction.objects.filter(pk=lost.pk).exists()
    assert "removed 0 files" in out


def test_sweep_without_files_prints_nothing(media: Path) -> None:
    assert run("sweep_media") == ("removed 0 files without a row\n", "")


def test_seeding_stores_predictions_with_their_pictures(reader: FakeReader) -> None:
    run("seed_predictions", 150)
    assert Prediction.objects.count() == 150
    assert {prediction.source for prediction in Prediction.objects.all()} == {"draw", "upload", "api"}
    assert Prediction.objects.flagged().count() == 3
    assert Prediction.objects.filter(owner__username="seed").count() == 75
    assert all(open_image(image_of(prediction)).size for prediction in Prediction.objects.all())
