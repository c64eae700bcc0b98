"""Store a new batch: its parts in the storage and their rows, both or neither."""

import hashlib
import secrets
from functools import partial
from typing import IO, Any

from django.contrib.auth import get_user_model
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from core.audit import record
from core.models import Event
from core.storage.deletion import delete_files
from recognizer import quotas
from recognizer.exceptions import KeyReused
from recognizer.identity import Identity
from recognizer.models import ModelVersion, Source

from .archives import MAX_NAME_LENGTH, parts_of
from .lifecycle import FOLDER
from .models import Batch, Chunk
from .tasks import enqueue_reading

MAX_ACTIVE = 3
"""Unfinished batches that one user may have."""


class TooManyBatches(Exception):
    """A user has as many unfinished batches as allowed."""

    def __init__(self) -> None:
        super().__init__(
            gettext("You have %(number)d unfinished batches. Wait until one is done, or cancel one.")
            % {"number": MAX_ACTIVE}
        )


def check_room(owner: Any, key: str = "") -> None:
    """Check a user's limit of unfinished batches; a repeated `key` does not count. Raises TooManyBatches."""
    if key and Batch.objects.filter(owner=owner, request_key=key).exists():
        return
    if Batch.objects.active().filter(owner=owner).count() >= MAX_ACTIVE:
        raise TooManyBatches()


def start_batch(
    owner: Any,
    file: IO[bytes],
    source: str,
    name: str = "",
    version: ModelVersion | None = None,
    webhook: str = "",
    key: str = "",
) -> Batch:
    """Store a zip as parts and queue it, to be read with a version or the current one.

    The labels of an import, in `labels.json`, count as approved corrections.

    If the same upload came before with the same Idempotency-Key, returns that batch. Raises archives.BadArchive,
    TooManyBatches, QuotaExceeded, and KeyReused if another upload came with the key; then nothing is stored.
    """
    labelled = source == Source.IMPORT
    digest = digest_of(file, version, f"{webhook} {source}" if labelled else webhook) if key else ""
    if existing := _kept_under(key, digest, owner):
        return existing
    chunks: list[Chunk] = []
    size = 0
    try:
        for number, part in enumerate(parts_of(file, labelled)):
            size += len(part.content)
            stored = default_storage.save(part_name(), ContentFile(part.content))
            chunks.append(Chunk(number=number, first=part.first, count=part.count, part=stored))
        with transaction.atomic():
            # Locked, so that two simultaneous batches are counted one after the other.
            get_user_model().objects.select_for_update().only("pk").get(pk=owner.pk)
            # The same call, sent twice at once, may have finished first.
            if existing := _kept_under(key, digest, owner):
                delete_files([chunk.part for chunk in chunks])
                return existing
            check_room(owner)
            total = sum(chunk.count for chunk in chunks)
            # Each stored picture is at most as large as its upload.
            quotas.check_room(Identity(user=owner), total, size)
            batch = Batch.objects.create(
                owner=owner,
                total=total,
                source=source,
                name=name[:MAX_NAME_LENGTH],
                model_version=version,
                webhook=webhook,
                request_key=key,
                request_sha256=digest,
            )
            for chunk in chunks:
                chunk.batch = batch
            Chunk.objects.bulk_create(chunks)
            if labelled:
                record(Event.IMPORTED, batch, user=owner, pictures=total)
            transaction.on_commit(partial(enqueue_reading, len(chunks)))
    except BaseException:
        delete_files([chunk.part for chunk in chunks])
        raise
    return batch


def digest_of(file: IO[bytes], version: ModelVersion | None, webhook: str) -> str:
    """Return the SHA-256 of an upload, and rewind the file."""
    digest = hashlib.file_digest(file, "sha256")  # type: ignore[arg-type]  # a file on the disk
    file.seek(0)
    digest.update(f" {version or ''} {webhook}".encode())
    return digest.hexdigest()


def _kept_under(key: str, digest: str, owner: Any) -> Batch | None:
    existing = Batch.objects.filter(owner=owner, request_key=key).first() if key else None
    if existing is not None and existing.request_sha256 != digest:
        raise KeyReused()
    return existing


def part_name() -> str:
    token = secrets.token_hex(16)
    return f"{FOLDER}/{timezone.now():%Y-%m-%d}/{token}.zip"
