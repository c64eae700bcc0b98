"""A private bucket of an S3 store in place of the folder of files. It is read through the site's views alone."""

import errno
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.core.files.base import ContentFile
from storages.backends.s3 import S3Storage

CLIENT = Config(
    connect_timeout=3,
    read_timeout=10,
    retries={"total_max_attempts": 3, "mode": "standard"},
    max_pool_connections=32,
    signature_version="s3v4",
    # Stores other than Amazon's seldom have a name for each bucket.
    s3={"addressing_style": "path"},
)

AT_ONCE = 8
"""Files of one call that are on their way to the store at the same time."""


@contextmanager
def told_as_a_disk(name: str = "") -> Iterator[None]:
    """Tell what a store refuses as a disk would. Raises FileNotFoundError, and OSError where nothing answers."""
    try:
        yield
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            raise FileNotFoundError(errno.ENOENT, "The store has no such file", name) from error
        raise OSError(errno.EIO, f"the store refuses: {error}") from error
    except BotoCoreError as error:
        raise OSError(errno.EIO, f"the store does not answer: {error}") from error


class Bucket(S3Storage):
    """Keeps files in a bucket, none over another. Each is read whole: pictures and networks have a few megabytes."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"file_overwrite": False, "client_config": CLIENT} | options)

    def _open(self, name: str, mode: str = "rb") -> "ContentFile[bytes]":
        if mode != "rb":
            raise ValueError(f"a file in a bucket is read as bytes, not {mode!r}")
        with told_as_a_disk(name):
            answer = self.connection.meta.client.get_object(Bucket=self.bucket_name, Key=name)
            return ContentFile(answer["Body"].read(), name)

    def _save(self, name: str, content: Any) -> str:
        with told_as_a_disk(name):
            return str(super()._save(name, content))

    def save_all(self, files: Iterable[tuple[str, Any]]) -> list[str]:
        """Save files, all or none, some at the same time. Nobody asks whether their names are taken: have new ones."""
        with ThreadPoolExecutor(AT_ONCE) as threads:
            saved = [threads.submit(self._save, name, content) for name, content in files]
        try:
            return [each.result() for each in saved]
        except OSError:
            with suppress(OSError):
                for each in saved:
                    if not each.exception():
                        self.delete(each.result())
            raise

    def delete(self, name: str) -> None:
        with told_as_a_disk(name):
            super().delete(name)

    def exists(self, name: str) -> bool:
        with told_as_a_disk(name):
            return bool(super().exists(name))

    def listdir(self, name: str) -> tuple[list[str], list[str]]:
        with told_as_a_disk(name):
            folders, files = super().listdir(name)
            return folders, files

    def get_modified_time(self, name: str) -> datetime:
        with told_as_a_disk(name):
            when: datetime = super().get_modified_time(name)
            return when
