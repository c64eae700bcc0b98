"""Real retrainings with little of everything: they go the whole way, and learn next to nothing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage

from recognizer.models import Correction, ModelVersion
from recognizer.predictions import store_prediction
from recognizer.serving import install_shipped_version, load_version
from recognizer.visitors import Identity
from training import gate
from training.datasets import Mnist
from training.finetuning import Recipe
from training.learning import learn
from training.meanwhile import serve_meanwhile
from training.models import TrainingRun
from training.retraining import open_network, retrain
from training.runs import start_run

FEW = Recipe(steps=13, batch_size=20)


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
    """Corrections of ten people, each of whom says what the network reads anyway."""
    settings.RETRAIN_LEAST = 5
    root = User.objects.create_superuser("root")
    claims = []
    for digit, content in mnist_pictures.items():
        somebody = User.objects.create_user(f"writer of {digit}")
        claim = store_prediction(content, identity=Identity(user=somebody), source="upload").flag(str(digit))
        assert claim.approve(by=root)
        claims.append(claim)
    return claims


def test_a_run_goes_from_snapshot_to_verdict_without_what_was_erased_meanwhile(
    taught: list[Correction], champion: ModelVersion, little_mnist: Mnist
) -> None:
    run = start_run(shadow=3)
    fence = TrainingRun.objects.take(run.pk)
    assert fence == 1
    teaching = [claim for claim in taught if not in_snapshot(run, claim).held_out]
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
    assert names[:3] == ["MNIST test", "each digit", "held-out corrections"]
    assert run.curves["step"] == [12, 13]
    assert run.differences["read"] == 3
    assert load_version(run.challenger).reader.read_page(little_mnist.test.images[0]).text
    assert ModelVersion.objects.serving() == champion


def in_snapshot(run: TrainingRun, claim: Correction) -> Any:
    from training.snapshots import thaw

    with default_storage.open(run.snapshot.name) as stored:
        lessons = thaw(stored.read(), run.snapshot_sha256)
    return next(lesson for lesson in lessons if lesson.correction == claim.pk)


def test_how_much_it_learns_is_measured(champion: ModelVersion, little_mnist: Mnist, tmp_path: Path) -> None:
    network, reader = open_network(champion, tmp_path), load_version(champion).reader
    (point,) = learn(network, reader, little_mnist, tmp_path, counts=[8], wrong=0.5, steps=lambda taught: 3)
    assert point.before > 0.05, "the hand is not odd enough to be learnt from"
    assert point.mnist_before < 0.05
    facts = point.as_json()
    assert (facts["corrections"], facts["wrong"]) == (8, 0.5)
    assert "held-out corrections" in facts["refused"]


def test_what_a_run_costs_those_who_are_served_meanwhile_is_measured(little_mnist: Mnist, tmp_path: Path) -> None:
    # The process that trains only rehearses; the site and the calls are real.
    images, labels = little_mnist.test.images[:6], little_mnist.test.labels[:6].tolist()
    rehearsal = {"DJANGO_SETTINGS_MODULE": "tests.training.rehearsal_settings", "RETRAIN_LEAST": "4"}
    served = serve_meanwhile(tmp_path, images, labels, quiet=1, **rehearsal)
    assert (served["corrections"], served["state"], served["failed"]) == (6, "promoted", 0)
    assert served["during"]["calls"] > 3
    assert 0 < served["quiet"]["median"] <= served["quiet"]["p95"]
