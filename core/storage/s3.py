"""Storage in a private S3 bucket. Only the site's views read it; no public or signed URLs."""

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
    # Stores other than Amazon S3 seldom have a host name for each bucket.
    s3={"addressing_style": "path"},
)

MAX_CONCURRENCY = 8
"""Concurrent uploads of one `save_all` call."""


@contextmanager
def translate_s3_errors(name: str = "") -> Iterator[None]:
    """Translate S3 errors into file system errors. Raises FileNotFoundError for 404, OSError for others."""
    try:
        yield
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            raise FileNotFoundError(errno.ENOENT, "The store has no such file", name) from error
        raise OSError(errno.EIO, f"the store refuses: {error}") from error
    except BotoCoreError as error:
        raise OSError(errno.EIO, f"the store does not answer: {error}") from error


class Bucket(S3Storage):
    """A bucket whose files are never overwritten. Files are read whole; they have a few megabytes at most."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"file_overwrite": False, "client_config": CLIENT} | options)

    def _open(self, name: str, mode: str = "rb") -> "ContentFile[bytes]":
        if mode != "rb":
            raise ValueError(f"files in a bucket can only be opened with mode 'rb', not {mode!r}")
        with translate_s3_errors(name):
            answer = self.connection.meta.client.get_object(Bucket=self.bucket_name, Key=name)
            return ContentFile(answer["Body"].read(), name)

    def _save(self, name: str, content: Any) -> str:
        with translate_s3_errors(name):
            return str(super()._save(name, content))

    def save_all(self, files: Iterable[tuple[str, Any]]) -> list[str]:
        """Save (name, content) pairs concurrently, all or none. Names must be new; that is not checked."""
        with ThreadPoolExecutor(MAX_CONCURRENCY) as threads:
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
        with translate_s3_errors(name):
            super().delete(name)

    def exists(self, name: str) -> bool:
        with translate_s3_errors(name):
            return bool(super().exists(name))

    def listdir(self, name: str) -> tuple[list[str], list[str]]:
        with translate_s3_errors(name):
            folders, files = super().listdir(name)
            return folders, files

    def get_modified_time(self, name: str) -> datetime:
        with translate_s3_errors(name):
            when: datetime = super().get_modified_time(name)
            return when
