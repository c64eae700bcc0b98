import json
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import pytest

from benchmarks import accuracy, publishing
from recognizer.models import ModelVersion
from recognizer.reading import Reader
from recognizer.serving.install import install_shipped_version
from training.evaluation import measures, report
from training.evaluation.measures import Result, Sample, evaluate


def test_accuracy_is_published_in_card_docs_readme_and_pictures(
    db: None, media: Path, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def a_few(reader: Reader, name: str, pages: Iterable[Sample], total: int, **options: bool) -> Result:
        return evaluate(reader, name, islice(pages, 12), **options)

    monkeypatch.setattr(measures, "evaluate", a_few)
    install_shipped_version()
    accuracy.measure([])
    card = json.loads((published / "card.json").read_text())
    assert card["metrics"]["test_errors"] == 0
    assert [result["pages"] for result in card["evaluation"]["sets"]] == [12] * len(card["evaluation"]["sets"])
    table = report.table(card["evaluation"])
    assert f"<!-- evaluate -->\n{table}<!-- /evaluate -->" in (publishing.DOCS / "evaluate.md").read_text()
    rows = accuracy.summary(card["evaluation"])
    assert f"<!-- summary -->\n{rows}<!-- /summary -->" in publishing.README.read_text()
    assert rows.count("\n") == 2 + len(accuracy.SUMMARY) - 1, "the cheques were not measured"
    for picture in ("docs/images/reliability.png", "confusion.png", "mistakes.png", "curves.png"):
        assert (published / picture).stat().st_size > 0


def test_accuracy_of_another_version_is_not_published(version: ModelVersion, published: Path) -> None:
    with pytest.raises(SystemExit, match="is not the current version"):
        accuracy.measure([])
