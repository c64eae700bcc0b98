import os
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages

from recognizer.storage import DurableStorage, flush_ancestors


@pytest.fixture
def flushed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files and folders that were flushed, in order."""
    paths: list[Path] = []
    flush = os.fsync

    def noted(descriptor: int) -> None:
        paths.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    flush_ancestors.cache_clear()
    return paths


def test_the_site_keeps_its_files_durably() -> None:
    assert isinstance(storages["default"], DurableStorage)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="reads /proc")
def test_a_file_is_on_the_disk_with_all_that_names_it(tmp_path: Path, flushed: list[Path]) -> None:
    storage = DurableStorage(location=tmp_path)
    name = storage.save("a/b/c.png", ContentFile(b"picture"))
    assert flushed == [tmp_path / name, tmp_path / "a" / "b", tmp_path / "a", tmp_path]
    flushed.clear()
    storage.save("a/b/d.png", ContentFile(b"picture"))
    assert flushed == [tmp_path / "a" / "b" / "d.png", tmp_path / "a" / "b"]
    flushed.clear()
    storage.save("a/c/e.png", ContentFile(b"picture"))
    assert flushed == [tmp_path / "a" / "c" / "e.png", tmp_path / "a" / "c", tmp_path / "a"]


def test_where_the_disk_cannot_flush_the_file_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        DurableStorage(location=tmp_path).save("a.png", ContentFile(b"picture"))
    assert list(tmp_path.iterdir()) == []
