"""A batch on its way in: parts in the storage and rows that know them, both or neither."""

import secrets
from functools import partial
from typing import IO, Any

from django.contrib.auth import get_user_model
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from recognizer.models import ModelVersion
from recognizer.predictions import delete_images

from .archives import LONGEST_NAME, parts_of
from .ending import FOLDER
from .models import Batch, Chunk
from .tasks import deliver

MOST_ACTIVE = 3
"""Batches of one user that may wait or be read at the same time."""


class TooManyBatches(Exception):
    """A user's batches that wait or are read are as many as may be."""

    def __init__(self) -> None:
        super().__init__(f"{MOST_ACTIVE} of your batches are not done yet. Wait for one, or cancel it.")


def check_room(owner: Any) -> None:
    """Hold a user to the limit of batches under way. Raises TooManyBatches."""
    if Batch.objects.active().filter(owner=owner).count() >= MOST_ACTIVE:
        raise TooManyBatches()


def start_batch(
    owner: Any, file: IO[bytes], source: str, name: str = "", version: ModelVersion | None = None, webhook: str = ""
) -> Batch:
    """Keep a zip as parts and queue it, to be read with a version, or with whichever serves.

    Raises archives.BadArchive, TooManyBatches; then nothing is kept.
    """
    chunks: list[Chunk] = []
    try:
        for number, part in enumerate(parts_of(file)):
            stored = default_storage.save(part_name(), ContentFile(part.content))
            chunks.append(Chunk(number=number, first=part.first, count=part.count, part=stored))
        with transaction.atomic():
            # Two batches sent at once take turns to be counted.
            get_user_model().objects.select_for_update().only("pk").get(pk=owner.pk)
            check_room(owner)
            total = sum(chunk.count for chunk in chunks)
            batch = Batch.objects.create(
                owner=owner,
                total=total,
                source=source,
                name=name[:LONGEST_NAME],
                model_version=version,
                webhook=webhook,
            )
            for chunk in chunks:
                chunk.batch = batch
            Chunk.objects.bulk_create(chunks)
            transaction.on_commit(partial(deliver, len(chunks)))
    except BaseException:
        delete_images([chunk.part for chunk in chunks])
        raise
    return batch


def part_name() -> str:
    token = secrets.token_hex(16)
    return f"{FOLDER}/{timezone.now():%Y-%m-%d}/{token}.zip"
