"""Files that are on the disk before anybody is told so."""

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.core.files.storage import FileSystemStorage


class DurableStorage(FileSystemStorage):
    """Flushes a file, and the folders that name it, before `save` returns.

    A row is committed after its image: with this, no power cut leaves a row without one.
    """

    def _save(self, name: str, content: Any) -> str:
        name = super()._save(name, content)  # type: ignore[misc]  # not in the stubs
        path = Path(self.path(name))
        try:
            flush(path)
            flush(path.parent)
            flush_ancestors(path.parent, Path(self.location))
        except OSError:
            path.unlink(missing_ok=True)
            raise
        return name


def flush(path: Path) -> None:
    """Wait until a file or a folder is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@lru_cache(maxsize=1024)
def flush_ancestors(folder: Path, top: Path) -> None:
    """Flush the folders above a folder up to the top, once: they name it from then on."""
    for above in folder.parents:
        if not above.is_relative_to(top):
            break
        flush(above)
