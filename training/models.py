"""What is kept of a retraining: the row is the truth, and whoever works on it holds a lease."""

import datetime
from typing import Any, Self

from django.conf import settings
from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from recognizer.models import Correction, ModelVersion

LEASE = datetime.timedelta(seconds=settings.TRAINING_LEASE)
"""How long a worker may keep silent before its run is taken from it."""

UNDELIVERED = LEASE * 0.75
"""How long a run waits before its message is held to be lost."""

MOST_ATTEMPTS = 5


class Fenced(Exception):
    """The run was cancelled, or another worker has taken it: whoever gets this must stop."""


class State(models.TextChoices):
    QUEUED = "queued"
    RUNNING = "running"
    PROMOTED = "promoted"
    PASSED = "passed", "Passed, not promoted"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    FAILED = "failed"


ACTIVE = (State.QUEUED, State.RUNNING)


class TrainingRunQuerySet(models.QuerySet["TrainingRun"]):
    def active(self) -> Self:
        return self.filter(state__in=ACTIVE)

    def lost(self) -> Self:
        """Keep runs that wait although nobody seems to know, and runs whose worker has fallen silent."""
        now = timezone.now()
        waiting = Q(state=State.QUEUED, queued_at__lt=now - UNDELIVERED)
        return self.filter(waiting | Q(state=State.RUNNING, lease_until__lt=now))

    def take(self, pk: int) -> int | None:
        """Lease a run that waits, or whose lease has lapsed. Returns the fencing number, None where there is none.

        Everything the holder writes carries the number, so a worker that comes back from the dead cannot write.
        """
        now = timezone.now()
        free = Q(state=State.QUEUED) | Q(state=State.RUNNING, lease_until__lt=now)
        with transaction.atomic():
            taken = self.filter(free, pk=pk).update(
                state=State.RUNNING,
                fence=F("fence") + 1,
                lease_until=now + LEASE,
                started_at=Coalesce("started_at", now),
            )
            return self.values_list("fence", flat=True).get(pk=pk) if taken else None

    def held(self, pk: int, fence: int) -> Self:
        """Keep the run as long as the holder of the number may write it."""
        return self.filter(pk=pk, fence=fence, state=State.RUNNING)

    def report(self, pk: int, fence: int, **fields: Any) -> None:
        """Write what the holder of a lease has to tell. Raises Fenced."""
        if not self.held(pk, fence).update(**fields):
            raise Fenced(f"run {pk} is no longer number {fence}'s")

    def renew(self, pk: int, fence: int) -> None:
        """Hold on to a lease. Raises Fenced."""
        self.report(pk, fence, lease_until=timezone.now() + LEASE)

    def give_back(self, pk: int, fence: int) -> None:
        """Let others take the run at once; a run that was lost too often has failed. Raises Fenced."""
        if fence >= MOST_ATTEMPTS:
            error = f"The training process died {MOST_ATTEMPTS} times. Its log says more; memory may be short."
            self.report(pk, fence, state=State.FAILED, error=error, finished_at=timezone.now())
        else:
            self.report(pk, fence, state=State.QUEUED, lease_until=None, queued_at=timezone.now())


def snapshot_file(run: "TrainingRun", filename: str) -> str:
    return f"runs/{run.pk}/{filename}"


class TrainingRun(models.Model):
    """One retraining: what it learns from, where it is, and what the gate said."""

    state = models.CharField(max_length=9, choices=State.choices, default=State.QUEUED)
    phase = models.CharField(max_length=60, blank=True)
    progress = models.JSONField(default=dict)
    curves = models.JSONField(default=dict)
    verdict = models.JSONField(null=True)
    differences = models.JSONField("readings of stored images that would change", null=True)
    shadow = models.PositiveIntegerField("stored images to read before promotion", default=0)
    error = models.TextField(blank=True)

    snapshot = models.FileField(upload_to=snapshot_file, blank=True)
    snapshot_sha256 = models.CharField("SHA-256 of the snapshot", max_length=64, blank=True)
    taught = models.PositiveIntegerField("corrections to learn from", default=0)
    held_out = models.PositiveIntegerField("corrections to judge by", default=0)
    corrections = models.ManyToManyField(Correction, related_name="runs", blank=True)
    champion = models.ForeignKey(ModelVersion, models.PROTECT, null=True, blank=True, related_name="challenged_by")
    challenger = models.ForeignKey(ModelVersion, models.PROTECT, null=True, blank=True, related_name="made_by")

    fence = models.PositiveIntegerField("times a worker took it", default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    queued_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = TrainingRunQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            # Null is never a double, so finished runs do not count.
            models.UniqueConstraint(
                models.Case(models.When(state__in=["queued", "running"], then=models.Value(1))),
                name="one_active_training_run",
            )
        ]

    def __str__(self) -> str:
        return f"run {self.pk}"

    @property
    def is_active(self) -> bool:
        return self.state in ACTIVE

    def cancel(self) -> bool:
        """End the run here and now: its worker finds that out within a second and stops. False where it had ended."""
        ended = {"state": State.CANCELLED, "finished_at": timezone.now()}
        return bool(TrainingRun.objects.active().filter(pk=self.pk).update(**ended))
