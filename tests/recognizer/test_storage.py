import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages

from core.storage.durable import DurableStorage, flush_ancestors


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


def test_default_storage_is_durable() -> None:
    assert isinstance(storages["default"], DurableStorage)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="reads /proc")
def test_saved_file_and_its_folders_are_flushed(tmp_path: Path, flushed: list[Path]) -> None:
    storage = DurableStorage(location=tmp_path)
    name = storage.save("a/b/c.png", ContentFile(b"picture"))
    assert flushed == [tmp_path / name, tmp_path / "a" / "b", tmp_path / "a", tmp_path]
    flushed.clear()
    storage.save("a/b/d.png", ContentFile(b"picture"))
    assert flushed == [tmp_path / "a" / "b" / "d.png", tmp_path / "a" / "b"]
    flushed.clear()
    storage.save("a/c/e.png", ContentFile(b"picture"))
    assert flushed == [tmp_path / "a" / "c" / "e.png", tmp_path / "a" / "c", tmp_path / "a"]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="reads /proc")
def test_files_saved_together_flush_their_folder_once(tmp_path: Path, flushed: list[Path]) -> None:
    storage = DurableStorage(location=tmp_path)
    names = storage.save_all([(f"a/{number}.png", ContentFile(b"picture")) for number in range(3)])
    assert flushed == [*(tmp_path / name for name in names), tmp_path / "a", tmp_path]
    assert storage.save_all([]) == []


def test_saving_several_files_stores_all_or_none(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("no folder")
    with pytest.raises(OSError, match="b"):
        DurableStorage(location=tmp_path).save_all([(name, ContentFile(b"picture")) for name in ("a/1.png", "b/2.png")])
    assert not list(tmp_path.rglob("*.png"))


def test_file_that_fills_the_disk_is_deleted(tmp_path: Path) -> None:
    class TooLong(ContentFile):
        def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
            yield b"the first block"
            raise OSError(28, "No space left on device")

    storage = DurableStorage(location=tmp_path)
    storage.save("a/1.png", ContentFile(b"picture"))
    with pytest.raises(OSError, match="No space"):
        storage.save("a/2.png", TooLong(b""))
    assert [path.name for path in tmp_path.rglob("*.png")] == ["1.png"]


def test_failed_flush_stores_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        DurableStorage(location=tmp_path).save("a.png", ContentFile(b"picture"))
    assert list(tmp_path.iterdir()) == []
