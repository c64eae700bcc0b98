"""Real but tiny retrainings: all stages run, and hardly anything is learnt."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage

from recognizer.identity import Identity
from recognizer.models import Correction, ModelVersion
from recognizer.predictions import store_prediction
from recognizer.serving.install import install_shipped_version
from recognizer.serving.loading import load_version
from training.models import TrainingRun
from training.retraining import gate, pipeline
from training.retraining.finetuning import FineTuneRecipe, StepReport
from training.retraining.pipeline import Reporter, retrain
from training.retraining.runs import start_run
from training.synthesis.datasets import Examples, Mnist

FEW = FineTuneRecipe(steps=13, batch_size=20)


@pytest.fixture(autouse=True)
def few_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "NO_NUMBERS", 4)
    monkeypatch.setattr(gate, "FRAMES", 4)


@pytest.fixture
def champion(db: None, media: Path) -> ModelVersion:
    install_shipped_version()
    version = ModelVersion.objects.serving()
    assert version is not None
    return version


@pytest.fixture
def taught(champion: ModelVersion, mnist_pictures: dict[int, bytes], settings: Any) -> Iterator[list[Correction]]:
    """Corrections of ten people that agree with the network."""
    settings.RETRAIN_LEAST = 5
    corrections = []
    for digit, content in mnist_pictures.items():
        somebody = User.objects.create_user(f"writer of {digit}")
        correction = store_prediction(content, identity=Identity(user=somebody), source="upload").flag(str(digit))
        assert correction.state == "confirmed"
        corrections.append(correction)
    return corrections


@pytest.mark.slow
def test_run_leaves_out_corrections_deleted_meanwhile(
    taught: list[Correction], champion: ModelVersion, little_mnist: Mnist
) -> None:
    run = start_run(shadow=3)
    fence = TrainingRun.objects.take(run.pk)
    assert fence == 1
    teaching = [correction for correction in taught if not in_snapshot(run, correction).held_out]
    teaching[0].delete()
    owner = teaching[1].prediction.owner
    assert owner is not None
    owner.delete()
    retrain(run.pk, fence, FEW, little_mnist)
    run.refresh_from_db()
    assert run.state == "refused", "it learnt nothing that it did not know"
    assert run.champion == champion
    assert run.challenger is not None
    card = run.challenger.card
    assert card["data"]["corrections"] == run.taught - 2
    assert card["training"]["started_from"] == champion.name
    assert not {"evaluation", "learning"} & set(card), "what was measured of the champion is not true of it"
    names = [check["name"] for check in run.verdict["checks"]]
    assert names[:3] == ["MNIST validation", "each digit", "held-out corrections"]
    assert "of 64 wrong" in run.verdict["checks"][0]["sentence"]
    assert run.challenger.card["metrics"]["test_accuracy"] > 0.9, "the test images are reported"
    assert run.curves["step"] == [12, 13]
    assert run.differences["read"] == 3
    assert load_version(run.challenger).reader.read_page(little_mnist.test.images[0]).text
    assert ModelVersion.objects.serving() == champion


def in_snapshot(run: TrainingRun, correction: Correction) -> Any:
    from training.retraining.snapshots import thaw

    with default_storage.open(run.snapshot.name) as stored:
        lessons = thaw(stored.read(), run.snapshot_sha256)
    return next(lesson for lesson in lessons if lesson.correction == correction.pk)


def test_gate_uses_no_test_image(champion: ModelVersion, little_mnist: Mnist) -> None:
    reader = load_version(champion).reader
    upside_down = replace(little_mnist, test=Examples(little_mnist.test.images, 9 - little_mnist.test.labels))
    verdict, test = pipeline.compare(reader, reader, upside_down, [], lambda phase: None)
    assert test.accuracy < 0.3
    checks = {check.name: check.passed for check in verdict.checks}
    assert checks["MNIST validation"]
    assert checks["each digit"]
    assert checks["calibration"]


def test_time_left_is_shown_from_the_second_step(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    run = TrainingRun.objects.create()
    fence = TrainingRun.objects.take(run.pk)
    assert fence is not None
    monkeypatch.setattr("training.retraining.pipeline.REPORT_INTERVAL", 0)
    reporter = Reporter(run.pk, fence)
    reporter.phase("training")
    told = []
    for number in (1, 2):
        reporter.step(StepReport(number, 100, 0.5, 0.9))
        run.refresh_from_db()
        told.append(run.in_words)
    assert "left" not in told[0]
    assert "s left" in told[1]
