"""Durable file storage, and detection of orphaned files."""

import datetime
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.core.files.storage import FileSystemStorage, default_storage
from django.utils import timezone


class DurableStorage(FileSystemStorage):
    """Flush a file and its parent folders to disk before `save` returns.

    A row is committed after its file, so no power cut leaves a row without its file.
    """

    def _save(self, name: str, content: Any) -> str:
        return self.save_all([(name, content)])[0]

    def save_all(self, files: Iterable[tuple[str, Any]]) -> list[str]:
        """Save (name, content) pairs, all or none, then wait until all are on disk. Returns the names used.

        Files stay open until then, so give some hundreds at most.
        """
        names: list[str] = []
        with ExitStack() as opened:
            try:
                descriptors = []
                for name, content in files:
                    used, descriptor = self._write(name, content)
                    opened.callback(os.close, descriptor)
                    names.append(used)
                    descriptors.append(descriptor)
                # Start all writes before waiting for one, so that the file system commits its journal once.
                for descriptor in descriptors[:-1]:
                    start_writing(descriptor)
                for descriptor in descriptors:
                    os.fsync(descriptor)
                for folder in dict.fromkeys(map(os.path.dirname, names)):
                    flush(self.path(folder))
                    flush_ancestors(self.path(folder), str(self.location))
            except BaseException:
                for name in names:
                    self.delete(name)
                raise
        return names

    def _write(self, name: str, content: Any) -> tuple[str, int]:
        """Write a file under a new name. If that fails, fall back to Django's way. Returns the name used and the open
        file."""
        mode = 0o666 if self.file_permissions_mode is None else self.file_permissions_mode
        if not hasattr(content, "temporary_file_path"):
            with suppress(FileNotFoundError, FileExistsError):
                descriptor = os.open(self.path(name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
                try:
                    with os.fdopen(descriptor, "wb", closefd=False) as file:
                        file.writelines(content.chunks())
                except BaseException:
                    os.close(descriptor)
                    self.delete(name)
                    raise
                return name, descriptor
        used = str(super()._save(name, content))  # type: ignore[misc]  # not in the stubs
        return used, os.open(self.path(used), os.O_RDONLY)


def flush(path: str) -> None:
    """Wait until a file or a folder is on disk (fsync)."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def start_writing(descriptor: int) -> None:
    """Ask the system to start writing a file to disk, if it supports that."""
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


@lru_cache(maxsize=1024)
def flush_ancestors(folder: str, top: str) -> None:
    """Flush the parents of a folder up to `top`. Cached, because a folder's entry needs flushing only once."""
    if folder != top:
        parent = str(Path(folder).parent)
        flush(parent)
        flush_ancestors(parent, top)


def unknown_files(folder: str, known: Callable[[list[str]], set[str]], older_than: datetime.timedelta) -> Iterator[str]:
    """Yield the names of stored files below a folder that no row refers to, for example after a crash.

    known: returns those of the given names that rows refer to. Files younger than `older_than` are skipped, because
    their row may not be committed yet.
    """
    before = timezone.now() - older_than
    for names in _files_below(folder):
        for name in sorted(set(names) - known(names)):
            if default_storage.get_modified_time(name) < before:
                yield name


def _files_below(folder: str) -> Iterator[list[str]]:
    """Yield a list of file names for each folder, from the given folder down."""
    try:
        folders, files = default_storage.listdir(folder)
    except FileNotFoundError:
        return
    if files:
        yield [f"{folder}/{name}" for name in files]
    for name in folders:
        yield from _files_below(f"{folder}/{name}")
