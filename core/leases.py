"""Leases on rows: one worker at a time works on a row, and may lose it to another.

A worker that leases a row gets a fence, a number that grows with each holder, and an expiry, which heartbeats renew. If
the lease expires, another worker may take the row, and writes with the older fence are refused.
"""

import datetime
from typing import Any, ClassVar, Self, TypeVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy

Row = TypeVar("Row", bound="Leased")


class LeaseLost(Exception):
    """The row has ended, or another worker has leased it. The worker must stop."""


class Leased(models.Model):
    """Base of models whose rows are leased. lease: its length, from the last heartbeat."""

    lease: ClassVar[datetime.timedelta]

    fence = models.PositiveIntegerField(gettext_lazy("times a worker took it"), default=0, db_default=0)
    lease_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    def take_lease(self, **fields: Any) -> None:
        """Lease this row, which must be locked and free, and update fields with it."""
        self.fence += 1
        self.lease_until = timezone.now() + self.lease
        for name, value in fields.items():
            setattr(self, name, value)
        self.save(update_fields=["fence", "lease_until", *fields])


class LeasedQuerySet(models.QuerySet[Row]):
    def free(self) -> Self:
        """Return rows without a valid lease: never leased, expired, or longer than a lease can be.

        The last comes from a wrong clock. Clocks may differ by the length of a lease.
        """
        now = timezone.now()
        longest = 2 * self.model.lease
        return self.filter(Q(lease_until=None) | Q(lease_until__lt=now) | Q(lease_until__gt=now + longest))

    def lock_free(self) -> Row | None:
        """Lock the first free row, inside a transaction. Rows locked by others are skipped."""
        return self.free().select_for_update(skip_locked=True, of=("self",)).first()

    def held(self, pk: int, fence: int) -> Self:
        """Return the row if this fence still holds it."""
        return self.filter(pk=pk, fence=fence)

    def report(self, pk: int, fence: int, **fields: Any) -> None:
        """Update fields of a row as the holder of a fence. Raises LeaseLost."""
        if not self.held(pk, fence).update(**fields):
            raise LeaseLost(f"{self.model._meta.verbose_name} {pk} is no longer held by fence {fence}")

    def heartbeat(self, pk: int, fence: int, **fields: Any) -> None:
        """Renew a lease and update fields with it. Raises LeaseLost."""
        self.report(pk, fence, lease_until=timezone.now() + self.model.lease, **fields)
