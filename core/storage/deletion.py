"""Delete stored files together with the rows that refer to them."""

import logging
from collections.abc import Iterable
from functools import partial
from typing import Any

from django.core.files.storage import default_storage
from django.db import DatabaseError, models, transaction
from django.db.models.signals import post_delete

from core.models import FileToDelete

logger = logging.getLogger(__name__)

RETRY_CHUNK = 500
"""Files whose rows are looked up in one query."""

_named_by: list[tuple[type[models.Model], tuple[str, ...]]] = []


def delete_with_rows(model: type[models.Model], *fields: str) -> None:
    """Delete the files in some fields of a model after each row's deletion is committed."""

    def delete_later(instance: models.Model, using: str, **kwargs: Any) -> None:
        names = [str(getattr(instance, field)) for field in fields]
        transaction.on_commit(partial(delete_files, names), using=using)

    _named_by.append((model, fields))
    post_delete.connect(delete_later, sender=model, weak=False, dispatch_uid=f"files of {model._meta.label}")


def delete_files(names: Iterable[str]) -> None:
    """Delete stored files. Record those the storage refuses to delete; a worker retries them."""
    refused = []
    for name in filter(None, names):
        try:
            default_storage.delete(name)
        except OSError as error:
            logger.warning("%s could not be deleted and is retried: %s", name, error)
            refused.append(FileToDelete(name=name))
    if refused:
        try:
            FileToDelete.objects.bulk_create(refused, ignore_conflicts=True)
        except DatabaseError as error:
            logger.error("%d files are left to `manage.py sweep_media`: %s", len(refused), error)


def retry_deletions() -> None:
    """Delete the recorded files. Raises OSError if the storage still refuses."""
    waiting = FileToDelete.objects.order_by("pk").values_list("name", "pk")
    while noted := dict(waiting[:RETRY_CHUNK]):
        # The delete may have succeeded after all, and a new row may use the name by now.
        for name in set(noted) - _names_in_use(list(noted)):
            default_storage.delete(name)
            FileToDelete.objects.filter(pk=noted[name]).delete()
        FileToDelete.objects.filter(pk__in=noted.values()).delete()


def _names_in_use(names: list[str]) -> set[str]:
    return {
        name
        for model, fields in _named_by
        for field in fields
        for name in model._default_manager.filter(**{f"{field}__in": names}).values_list(field, flat=True)
    }
