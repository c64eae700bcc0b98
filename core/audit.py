"""The audit log: who did what, on what and when, as rows and in the JSON log. Never a picture, never a secret."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.core.cache import DEFAULT_CACHE_ALIAS, caches
from django.db import models, transaction
from django.db.models import Q
from django.http import HttpRequest

from .callers import address_of
from .models import AuditEntry, Event

logger = logging.getLogger(__name__)

MAX_PER_ADDRESS, MAX_FROM_STRANGERS = 20, 200
"""Largest number of entries per minute that one address, and all strangers together, can cause."""

MAX_FACT_LENGTH = 200

_request: ContextVar[HttpRequest | None] = ContextVar("_request", default=None)


@contextmanager
def acting(request: HttpRequest) -> Iterator[None]:
    """Add the sender of a request to the entries recorded in this context."""
    before = _request.set(request)
    try:
        yield
    finally:
        _request.reset(before)


def record(event: Event, target: models.Model | str = "", *, user: Any = None, **facts: Any) -> None:
    """Record an event, in the transaction that causes it.

    target: a row, or a description. user: who did it, if not the sender of the request. facts: a few short words or
    numbers. Raises DatabaseError.
    """
    request = _request.get()
    user = user or getattr(request, "user", None)
    known = user is not None and user.is_authenticated
    entry = AuditEntry(
        event=event,
        user_number=user.pk if known else None,
        user_name=user.get_username() if known else "",
        key_number=getattr(getattr(getattr(request, "auth", None), "key", None), "pk", None),
        address=address_of(request) if request else "",
        target=(name_of(target) if isinstance(target, models.Model) else target)[:MAX_FACT_LENGTH],
        facts={name: _short(fact) for name, fact in facts.items()},
    )
    if not known and event in Event.of_strangers() and not _has_room(entry.address):
        return
    entry.save(force_insert=True)
    transaction.on_commit(lambda: logger.info("audit", extra={"facts": entry.as_json()}))


def name_of(row: models.Model) -> str:
    """Name a row by its kind and number, without user content."""
    return f"{row._meta.verbose_name_raw} {row.pk}"


def forget_name(number: int) -> None:
    """Replace a deleted account's name by its number."""
    AuditEntry.objects.filter(user_number=number).exclude(user_name="").update(user_name="")


def expired(stranger_days: int, days: int) -> "models.QuerySet[AuditEntry]":
    """Return the entries older than some days; entries of strangers expire earlier."""
    return AuditEntry.objects.filter(
        Q(AuditEntry.older_than(days))
        | Q(AuditEntry.older_than(stranger_days), event__in=Event.of_strangers(), user_number=None)
    )


def _short(fact: Any) -> Any:
    return fact if isinstance(fact, int | float | None) else str(fact)[:MAX_FACT_LENGTH]


def _has_room(address: str) -> bool:
    try:
        counter: Any = caches[DEFAULT_CACHE_ALIAS]
        mine = counter.count(f"audit:{address}", 1, MAX_PER_ADDRESS, 60)
        return bool(mine.allowed and counter.count("audit", 1, MAX_FROM_STRANGERS, 60).allowed)
    except Exception as error:  # Each cache has exceptions of its own.
        logger.error("entries of the audit log are not counted, the cache does not answer: %s", error)
        return True
