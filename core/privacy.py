"""Protect the site's files from other users of the machine, whatever the umask they were written with."""

import logging
import os
import stat
from pathlib import Path

from django.conf import settings

logger = logging.getLogger(__name__)


def private_paths() -> list[Path]:
    """Return the files and folders that the site keeps on this machine."""
    paths = [Path(settings.MEDIA_ROOT)]
    database = settings.DATABASES["default"]
    if database["ENGINE"] == "django.db.backends.sqlite3":
        paths += [Path(f"{database['NAME']}{end}") for end in ("", "-wal", "-shm", "-journal")]
    if folder := settings.CELERY_BROKER_TRANSPORT_OPTIONS.get("data_folder_in"):
        paths.append(Path(str(folder)))
    cache = settings.CACHES["default"]
    if cache["BACKEND"] == "core.file_cache.SharedFile" and cache["LOCATION"]:
        paths.append(Path(cache["LOCATION"]))
    if settings.SECRET_KEY_FILE is not None:
        paths.append(settings.SECRET_KEY_FILE)
    return paths


def close_to_others() -> None:
    """Remove other users' permissions from existing files; a umask affects only new ones.

    Files of other owners stay unchanged.
    """
    for path in private_paths():
        try:
            found = path.stat()
            if found.st_uid == os.getuid() and stat.S_IMODE(found.st_mode) & 0o077:
                path.chmod(stat.S_IMODE(found.st_mode) & ~0o077)
        except FileNotFoundError:
            continue
        except OSError as error:
            logger.warning("%s stays open to other users: %s", path, error)
