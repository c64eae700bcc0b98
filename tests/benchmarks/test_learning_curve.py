"""The learning curve is measured on real, very short retrainings."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import learning_curve, load_while_training, publishing, slanted_hand
from benchmarks.load_while_training import serve_while_training
from benchmarks.slanted_hand import Point, learn
from recognizer.models import ModelVersion
from recognizer.serving.install import install_shipped_version
from recognizer.serving.loading import load_version
from training.retraining import gate, pipeline, verdicts
from training.retraining.pipeline import open_network
from training.synthesis import datasets
from training.synthesis.datasets import Mnist

QUIET, DURING = {"calls": 300, "median": 6.0, "p95": 10.0}, {"calls": 900, "median": 8.0, "p95": 18.0}
SERVED = {"corrections": 300, "state": "promoted", "minutes": 3.2, "every": 0.2, "failed": 0}
SERVED |= {"quiet": QUIET, "during": DURING}


@pytest.fixture
def champion(db: None, media: Path) -> ModelVersion:
    install_shipped_version()
    version = ModelVersion.objects.serving()
    assert version is not None
    return version


@pytest.mark.slow
def test_learning_curve_measures_errors_before_and_after(
    champion: ModelVersion, little_mnist: Mnist, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "NO_NUMBERS", 4)
    monkeypatch.setattr(gate, "FRAMES", 4)
    network, reader = open_network(champion, tmp_path), load_version(champion).reader
    (point,) = learn(network, reader, little_mnist, tmp_path, counts=[5], wrong=0.5, steps=lambda taught: 3)
    assert point.before > 0.05, "the hand is not odd enough to be learnt from"
    assert point.mnist_before < 0.05
    facts = point.as_json()
    assert (facts["corrections"], facts["wrong"]) == (5, 0.5)
    assert facts["refused"]


@pytest.mark.slow
@pytest.mark.flaky(reruns=1)  # It starts a site and a worker, as the tests in tests/system do.
def test_readings_beside_a_retraining_are_timed(little_mnist: Mnist, tmp_path: Path) -> None:
    # The training process is a rehearsal; the site and the calls are real.
    images, labels = little_mnist.test.images[:6], little_mnist.test.labels[:6].tolist()
    rehearsal = {"DJANGO_SETTINGS_MODULE": "tests.system.live.rehearsal_settings", "RETRAIN_LEAST": "4"}
    served = serve_while_training(tmp_path, images, labels, images[0], quiet=1, **rehearsal)
    assert (served["corrections"], served["state"], served["failed"]) == (6, "promoted", 0)
    assert served["during"]["calls"] > 3
    assert 0 < served["quiet"]["median"] <= served["quiet"]["p95"]


def test_learning_curve_is_a_table_and_a_figure(tmp_path: Path) -> None:
    point = {"corrections": 300, "wrong": 0.0, "before": 0.5, "after": 0.1, "mnist_before": 0.005, "mnist_after": 0.005}
    wrong = {"wrong": 0.3, "after": 0.4, "refused": ["MNIST test", "each digit"]}
    learning = {
        "version": "one",
        "judged": 1500,
        "points": [point | {"refused": [], "minutes": 2.5}, point | wrong | {"minutes": 2.5}],
        "served": SERVED,
    }
    table = learning_curve.table(learning)
    assert "| 300 | 0% | 50.0% → 10.0% | 80% | 0.50% → 0.50% | passes | 2.5 |" in table
    assert "| 300 | 30% | 50.0% → 40.0% | 20% | 0.50% → 0.50% | refuses: MNIST test, each digit | 2.5 |" in table
    assert "1.8 times the p95. Of 900 calls, none failed." in table
    learning_curve.draw(learning, tmp_path / "learning.png")
    assert 0 < (tmp_path / "learning.png").stat().st_size < 300_000


@pytest.fixture
def quick(little_mnist: Mnist, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is trained and no site started."""
    verdict = verdicts.Verdict((verdicts.Check("each digit", False, {}),))

    def learn(network: Any, reader: Any, mnist: Any, folder: Path, wrong: float) -> Iterator[Point]:
        yield Point(300, wrong, 0.4, 0.1, 0.005, 0.005, verdict, 150.0)

    monkeypatch.setattr(slanted_hand, "learn", learn)
    monkeypatch.setattr(load_while_training, "serve_while_training", lambda *args: SERVED)
    monkeypatch.setattr(pipeline, "open_network", lambda version, folder: None)
    monkeypatch.setattr(datasets, "load_mnist", lambda: little_mnist)


@pytest.mark.usefixtures("quick")
def test_published_results_are_in_card_docs_and_picture(champion: ModelVersion, published: Path) -> None:
    learning_curve.measure(publish=True)
    learning = json.loads((published / "card.json").read_text())["learning"]
    assert [point["wrong"] for point in learning["points"]] == [0.0, 0.3]
    page = (publishing.DOCS / "learning.md").read_text()
    assert f"<!-- learning -->\n{learning_curve.table(learning)}<!-- /learning -->" in page
    assert 0 < (published / "docs" / "images" / "learning.png").stat().st_size < 300_000


@pytest.mark.usefixtures("quick")
def test_unpublished_figures_are_only_printed(
    champion: ModelVersion, published: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (publishing.DOCS / "learning.md").read_text()
    learning_curve.measure(publish=False)
    assert "| 300 | 30% | 40.0% → 10.0% |" in capsys.readouterr().out
    assert (publishing.DOCS / "learning.md").read_text() == before


@pytest.mark.usefixtures("quick")
def test_figures_of_another_version_are_not_published(version: ModelVersion, published: Path) -> None:
    with pytest.raises(SystemExit, match="Only the shipped version"):
        learning_curve.measure(publish=True)
