import shutil
from pathlib import Path

import pytest

from benchmarks import publishing


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the pages and the model card to publish into."""
    blocks = "".join(f"{name}\n<!-- {name} -->\nold\n<!-- /{name} -->\n" for name in ("summary", "learning", "rows"))
    (tmp_path / "docs" / "images").mkdir(parents=True)
    for name in ("evaluate", "learning", "rows", "batches"):
        (tmp_path / "docs" / f"{name}.md").write_text(f"{name}\n<!-- {name} -->\nold\n<!-- /{name} -->\n")
    shutil.copy(publishing.SHIPPED / "card.json", tmp_path)
    monkeypatch.setattr(publishing, "SHIPPED", tmp_path)
    monkeypatch.setattr(publishing, "DOCS", tmp_path / "docs")
    for name in ("RESULTS", "README"):
        (tmp_path / f"{name}.md").write_text(blocks)
        monkeypatch.setattr(publishing, name, tmp_path / f"{name}.md")
    return tmp_path
