"""Real retrainings with little of everything: they go the whole way, and learn next to nothing."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.core.management import call_command

from recognizer.models import Correction, ModelVersion
from recognizer.predictions import store_prediction
from recognizer.serving import install_shipped_version, load_version
from recognizer.visitors import Identity
from training import datasets, gate, learning, meanwhile, report, retraining
from training.datasets import Mnist
from training.finetuning import Recipe
from training.learning import Point, learn
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
    (point,) = learn(network, reader, little_mnist, tmp_path, counts=[5], wrong=0.5, steps=lambda taught: 3)
    assert point.before > 0.05, "the hand is not odd enough to be learnt from"
    assert point.mnist_before < 0.05
    facts = point.as_json()
    assert (facts["corrections"], facts["wrong"]) == (5, 0.5)
    assert facts["refused"]


def test_what_a_run_costs_those_who_are_served_meanwhile_is_measured(little_mnist: Mnist, tmp_path: Path) -> None:
    # The process that trains only rehearses; the site and the calls are real.
    images, labels = little_mnist.test.images[:6], little_mnist.test.labels[:6].tolist()
    rehearsal = {"DJANGO_SETTINGS_MODULE": "tests.training.rehearsal_settings", "RETRAIN_LEAST": "4"}
    served = serve_meanwhile(tmp_path, images, labels, images[0], quiet=1, **rehearsal)
    assert (served["corrections"], served["state"], served["failed"]) == (6, "promoted", 0)
    assert served["during"]["calls"] > 3
    assert 0 < served["quiet"]["median"] <= served["quiet"]["p95"]


def test_one_command_measures_all_of_it_and_publishes_it(
    champion: ModelVersion, little_mnist: Mnist, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict = gate.Verdict((gate.Check("each digit", False, "3 is read worse."),))

    def quick(network: Any, reader: Any, mnist: Any, folder: Path, wrong: float) -> Iterator[Point]:
        yield Point(300, wrong, 0.4, 0.1, 0.005, 0.005, verdict, 150.0)

    quiet, during = {"calls": 300, "median": 6.0, "p95": 10.0}, {"calls": 900, "median": 8.0, "p95": 18.0}
    served = {"corrections": 300, "state": "promoted", "minutes": 3.2, "every": 0.2, "failed": 0}
    monkeypatch.setattr(learning, "learn", quick)
    monkeypatch.setattr(meanwhile, "serve_meanwhile", lambda *args: served | {"quiet": quiet, "during": during})
    monkeypatch.setattr(retraining, "open_network", lambda version, folder: None)
    monkeypatch.setattr(datasets, "load_mnist", lambda: little_mnist)
    settings.BASE_DIR = settings.SHIPPED_VERSION = tmp_path
    (tmp_path / "docs" / "images").mkdir(parents=True)
    (tmp_path / "README.md").write_text("<!-- learning -->\n<!-- /learning -->\n")
    (tmp_path / "card.json").write_text('{"name": "one"}')
    call_command("evaluate", learning=True, publish=True, stdout=io.StringIO(), stderr=io.StringIO())
    kept = json.loads((tmp_path / "card.json").read_text())
    assert [point["wrong"] for point in kept["learning"]["points"]] == [0.0, 0.3]
    told = f"<!-- learning -->\n{report.learning_table(kept['learning'])}<!-- /learning -->\n"
    assert (tmp_path / "README.md").read_text() == told
    assert 0 < (tmp_path / report.CURVES).stat().st_size < 300_000
