"""Find expired data and delete it in chunks, while the site runs."""

import datetime
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from core import audit
from keys.models import Secret

from .identity import NOBODY
from .models import Prediction, Usage, sizes_by_owner, today
from .predictions import erase_chunk

logger = logging.getLogger(__name__)

CHUNK = 500
"""Rows deleted in one transaction."""


@dataclass(frozen=True)
class Expired:
    """One kind of expired data: its name, its count, and a function that deletes the next rows.

    delete: returns how many it deleted, 0 once none is left.
    """

    name: str
    count: Callable[[], int]
    delete: Callable[[], int]


def expired_kinds() -> list[Expired]:
    """Return all kinds of expired data. Each call of `delete` commits, whatever happens afterwards."""
    return [
        Expired("predictions of visitors", lambda: _predictions_of_gone_visitors().count(), _delete_of_gone_visitor),
        _rows("sessions", lambda: Session.objects.filter(expire_date__lt=timezone.now())),
        _rows("listed sessions", lambda: UserSession.objects.exclude(session_key__in=Session.objects.values("pk"))),
        _rows("tokens", lambda: Secret.objects.filter(expiry__lt=timezone.now())),
        _rows(
            "audit entries",
            lambda: audit.expired(settings.RETAIN_FAILED_LOGINS_DAYS, settings.RETAIN_AUDIT_DAYS),
        ),
    ]


def purge(stopping: threading.Event | None = None) -> Iterator[tuple[str, int]]:
    """Delete all expired data, until this process stops. Yields each kind with the number deleted."""
    for kind in expired_kinds():
        deleted = 0
        while not (stopping and stopping.is_set()) and (count := kind.delete()):
            deleted += count
        yield kind.name, deleted


def purge_hourly(stopping: threading.Event) -> None:
    """Delete expired data, and count the predictions of an older release, in a worker."""
    for name, deleted in purge(stopping):
        if deleted:
            logger.info("%d %s had expired and are deleted", deleted, name)
    while not stopping.is_set() and count_uncounted():
        pass


def _rows(name: str, expired: Callable[[], "QuerySet[Any]"]) -> Expired:
    def delete() -> int:
        rows = expired()
        chunk = list(rows.order_by("pk").values_list("pk", flat=True)[:CHUNK])
        rows.model._default_manager.filter(pk__in=chunk).delete()
        return len(chunk)

    return Expired(name, lambda: expired().count(), delete)


def _gone_visitors() -> "QuerySet[Usage]":
    """Return visitors whose cookie expired more than RETAIN_VISITORS_DAYS ago."""
    days = settings.VISITOR_IDLE_DAYS + settings.RETAIN_VISITORS_DAYS
    gone = Usage.objects.filter(owner=None, seen_on__lt=today() - datetime.timedelta(days=days))
    # The owner of imports is not a visitor.
    return gone.exclude(visitor=NOBODY)


def _predictions_of_gone_visitors() -> "QuerySet[Prediction]":
    return Prediction.objects.filter(visitor__in=_gone_visitors().values("visitor"))


def _delete_of_gone_visitor() -> int:
    """Delete the next pictures of the visitor who has been away the longest."""
    while usage := _gone_visitors().order_by("seen_on").first():
        if count := erase_chunk(Prediction.objects.filter(visitor=usage.visitor)):
            return count
        usage.delete()
    return 0


def count_uncounted() -> int:
    """Add the next predictions stored by a release without quotas to their owners' usage. Returns how many."""
    waiting = Prediction.objects.filter(image_bytes=None).order_by("pk")
    names = dict(waiting.values_list("pk", "image")[:CHUNK])
    sizes = {pk: _size_of(name) for pk, name in names.items()}
    with transaction.atomic():
        # Some may have been deleted or moved to another owner meanwhile.
        rows = list(waiting.filter(pk__in=sizes).select_for_update().only("owner", "visitor"))
        for row in rows:
            row.image_bytes = sizes[row.pk]
        Prediction.objects.bulk_update(rows, ["image_bytes"])
        for owner, found in sizes_by_owner(rows).items():
            Usage.objects.count_in(owner, found)
    return len(names)


def _size_of(name: str) -> int:
    try:
        return int(default_storage.size(name))
    except FileNotFoundError:
        return 0
