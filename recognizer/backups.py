"""Backup into one file: a consistent copy of the database, the pictures, and the secret key.

A bucket is not included; it has its own tools for copies.
"""

import os
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from django.conf import settings
from django.core.files.storage import FileSystemStorage, default_storage
from django.db import connection
from tqdm import tqdm


class BackupFailed(Exception):
    """The database could not be copied. `str()` says why, for people."""


def write_backup(file: Path) -> None:
    """Write database, pictures and `.secret_key` into a tar file. The site may keep running.

    Only the owner can read the file and what is unpacked from it. Without the key, all sessions would end. The database
    is copied first: a picture's file is stored before its row, so every row in the backup has its picture. The backup
    gets its name once it is complete. Raises BackupFailed.
    """
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".backup-") as folder:
        database = copy_database(Path(folder))
        part = Path(folder) / "part"
        part.touch(mode=0o600)
        with tarfile.open(part, "w") as tar:
            tar.add(database, database.name, filter=_private)
            if settings.SECRET_KEY_FILE is not None:
                tar.add(settings.SECRET_KEY_FILE, ".secret_key", filter=_private)
            for picture in tqdm(_media_files(), desc="pictures", unit="file"):
                # Pictures may be deleted during the backup, which is harmless.
                with suppress(FileNotFoundError):
                    name = Path("media") / picture.relative_to(settings.MEDIA_ROOT)
                    tar.add(picture, name, filter=_private)
        part.replace(file)


def _private(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.mode = 0o600
    return entry


def copy_database(folder: Path) -> Path:
    """Copy a consistent snapshot of the database into a folder: SQLite as `db.sqlite3`, PostgreSQL as `database.dump`.

    Raises BackupFailed if pg_dump is missing or fails.
    """
    connection.ensure_connection()
    if connection.vendor == "sqlite":
        copy = folder / "db.sqlite3"
        with closing(sqlite3.connect(copy)) as target:
            connection.connection.backup(target)
        return copy
    pg_dump = shutil.which("pg_dump")
    if pg_dump is None:
        raise BackupFailed("pg_dump is needed and not on the PATH (Debian: apt install postgresql-client)")
    dump = folder / "database.dump"
    command, environment = connection.client.settings_to_cmd_args_env(
        connection.settings_dict, ["--format=custom", f"--file={dump}"]
    )
    done = subprocess.run(  # noqa: S603  # fixed arguments, and the settings' URL
        [pg_dump, *command[1:]], env=os.environ | (environment or {}), capture_output=True, text=True
    )
    if done.returncode:
        raise BackupFailed(done.stderr.strip())
    return dump


def _media_files() -> Iterator[Path]:
    if not isinstance(default_storage, FileSystemStorage):
        return
    for folder, _, names in os.walk(settings.MEDIA_ROOT):
        yield from (Path(folder) / name for name in names)
