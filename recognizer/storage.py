"""Files that are on the disk before anybody is told so, and those that nobody was told of."""

import datetime
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.core.files.storage import FileSystemStorage, default_storage
from django.utils import timezone


class DurableStorage(FileSystemStorage):
    """Flushes a file, and the folders that name it, before `save` returns.

    A row is committed after its image: with this, no power cut leaves a row without one.
    """

    def _save(self, name: str, content: Any) -> str:
        return self.save_all([(name, content)])[0]

    def save_all(self, files: Iterable[tuple[str, Any]]) -> list[str]:
        """Save files under their names, all or none, and wait for the disk once they are all written."""
        names: list[str] = []
        try:
            for name, content in files:
                names.append(super()._save(name, content))  # type: ignore[misc]  # not in the stubs
            paths = [Path(self.path(name)) for name in names]
            # All are on their way before one is waited for: the file system then writes its journal once for all.
            for path in paths[:-1]:
                send_off(path)
            for path in paths:
                flush(path)
            for folder in {path.parent: None for path in paths}:
                flush(folder)
                flush_ancestors(folder, Path(self.location))
        except BaseException:
            for name in names:
                self.delete(name)
            raise
        return names


def flush(path: Path) -> None:
    """Wait until a file or a folder is on the disk."""
    with _opened(path) as descriptor:
        os.fsync(descriptor)


def send_off(path: Path) -> None:
    """Let the system begin to write a file to the disk, where it can be told so."""
    if hasattr(os, "posix_fadvise"):
        with _opened(path) as descriptor:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@lru_cache(maxsize=1024)
def flush_ancestors(folder: Path, top: Path) -> None:
    """Flush what names a folder and what names that, up to the top, each once: it stays named from then on."""
    if folder != top:
        flush(folder.parent)
        flush_ancestors(folder.parent, top)


def unknown_files(folder: str, known: Callable[[list[str]], set[str]], older_than: datetime.timedelta) -> Iterator[str]:
    """Yield the names of stored files below a folder that no row names: a crash came between file and row.

    known: tells which of some names rows bear. Younger files are passed over: their row may be on its way.
    """
    before = timezone.now() - older_than
    for names in _files_below(folder):
        for name in sorted(set(names) - known(names)):
            if default_storage.get_modified_time(name) < before:
                yield name


def _files_below(folder: str) -> Iterator[list[str]]:
    """Yield the names of the files of each folder, from one folder down."""
    try:
        folders, files = default_storage.listdir(folder)
    except FileNotFoundError:
        return
    if files:
        yield [f"{folder}/{name}" for name in files]
    for name in folders:
        yield from _files_below(f"{folder}/{name}")
