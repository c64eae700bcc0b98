"""Training runs. The row holds the state; the worker on it holds a lease."""

import datetime
from typing import Any, Self

from django.conf import settings
from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy, gettext_noop

from core.leases import Leased, LeasedQuerySet
from core.storage.deletion import delete_with_rows
from recognizer.models import Correction, ModelVersion
from recognizer.numbers import grouped, percentage

LEASE = datetime.timedelta(seconds=settings.TRAINING_LEASE)
"""Time without a heartbeat after which a run is given to another worker."""

UNDELIVERED = LEASE * 0.75
"""Time in the queue after which a run's message counts as lost."""

MAX_ATTEMPTS = 5


class RunState(models.TextChoices):
    QUEUED = "queued", gettext_lazy("Queued")
    RUNNING = "running", gettext_lazy("Running")
    PROMOTED = "promoted", gettext_lazy("Promoted")
    PASSED = "passed", gettext_lazy("Passed, not promoted")
    REFUSED = "refused", gettext_lazy("Refused")
    CANCELLED = "cancelled", gettext_lazy("Cancelled")
    FAILED = "failed", gettext_lazy("Failed")


ACTIVE = (RunState.QUEUED, RunState.RUNNING)


def _died() -> dict[str, Any]:
    error = gettext_noop("The training process died 5 times. See its log; there may be too little memory.")
    return {"state": RunState.FAILED, "error": error, "finished_at": timezone.now()}


class TrainingRunQuerySet(LeasedQuerySet["TrainingRun"]):
    def active(self) -> Self:
        return self.filter(state__in=ACTIVE)

    def lost(self) -> Self:
        """Filter runs whose message was lost, and runs whose lease has expired."""
        known = Q(state=RunState.QUEUED, queued_at__gte=timezone.now() - UNDELIVERED)
        return self.active().free().exclude(known)

    def take(self, pk: int) -> int | None:
        """Lease a run that is queued, or whose lease has expired. Returns the fence, or None if the run is not free."""
        with transaction.atomic():
            run = self.active().filter(pk=pk).lock_free()
            if run is None:
                return None
            if run.attempts >= MAX_ATTEMPTS:
                self.filter(pk=pk).update(**_died())
                return None
            run.take_lease(
                state=RunState.RUNNING, started_at=run.started_at or timezone.now(), attempts=run.attempts + 1
            )
        return run.fence

    def held(self, pk: int, fence: int) -> Self:
        return super().held(pk, fence).filter(state=RunState.RUNNING)

    def record_promotion(self, version: ModelVersion) -> int:
        """Mark passed runs as promoted if their challenger is the current version by now. Returns how many."""
        return self.filter(challenger=version, state=RunState.PASSED).update(state=RunState.PROMOTED)

    def give_back(self, pk: int, fence: int, died: bool) -> None:
        """Give a run back to the queue at once. After too many dead processes it has failed. Raises LeaseLost.

        died: whether the training process died. A worker that is stopped does not count as an attempt.
        """
        free = {"state": RunState.QUEUED, "lease_until": None, "queued_at": timezone.now()}
        if not died:
            self.report(pk, fence, **free, attempts=F("attempts") - 1)
        elif self.filter(pk=pk, attempts__gte=MAX_ATTEMPTS).exists():
            self.report(pk, fence, **_died())
        else:
            self.report(pk, fence, **free)


def snapshot_file(run: "TrainingRun", filename: str) -> str:
    return f"runs/{run.pk}/{filename}"


class TrainingRun(Leased):
    """One retraining: its snapshot, its progress, and the gate's verdict."""

    lease = LEASE

    state = models.CharField(max_length=9, choices=RunState.choices, default=RunState.QUEUED)
    phase = models.CharField(max_length=60, blank=True)
    progress = models.JSONField(default=dict)
    curves = models.JSONField(default=dict)
    verdict = models.JSONField(null=True)
    differences = models.JSONField(gettext_lazy("readings of stored images that would change"), null=True)
    shadow = models.PositiveIntegerField(gettext_lazy("stored images to read before promotion"), default=0)
    error = models.TextField(blank=True)

    snapshot = models.FileField(upload_to=snapshot_file, blank=True)
    snapshot_sha256 = models.CharField(gettext_lazy("SHA-256 of the snapshot"), max_length=64, blank=True)
    taught = models.PositiveIntegerField(gettext_lazy("corrections for training"), default=0)
    held_out = models.PositiveIntegerField(gettext_lazy("corrections for testing"), default=0)
    corrections = models.ManyToManyField(Correction, related_name="runs", blank=True)
    champion = models.ForeignKey(ModelVersion, models.PROTECT, null=True, blank=True, related_name="challenged_by")
    challenger = models.ForeignKey(ModelVersion, models.PROTECT, null=True, blank=True, related_name="made_by")

    attempts = models.PositiveIntegerField(
        gettext_lazy("starts of its process, without orderly stops"), default=0, db_default=0
    )
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    queued_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = TrainingRunQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            # NULLs are never equal, so finished runs do not collide.
            models.UniqueConstraint(
                models.Case(models.When(state__in=["queued", "running"], then=models.Value(1))),
                name="one_active_training_run",
            )
        ]

    def __str__(self) -> str:
        return gettext("run %(number)d") % {"number": self.pk}

    @property
    def is_active(self) -> bool:
        return self.state in ACTIVE

    @property
    def in_words(self) -> str:
        """An active run's phase, in one line."""
        if self.state == "queued":
            return gettext("waiting for a worker")
        name, _, part = self.phase.partition(": ")
        phase = f"{gettext(name)}: {gettext(part)}" if part else gettext(name) if name else ""
        progress = self.progress
        if "number" not in progress:
            return phase
        words = {"phase": phase, "number": progress["number"], "steps": progress["steps"]}
        if "loss" not in progress:
            return gettext("%(phase)s: %(number)s of %(steps)s") % words
        words |= {
            "loss": grouped(progress["loss"], 3),
            "accuracy": percentage(progress["accuracy"], 1),
            "seconds": progress["seconds_left"],
        }
        if progress["seconds_left"] is None:
            sentence = gettext("%(phase)s: step %(number)s of %(steps)s, loss %(loss)s, accuracy %(accuracy)s")
        else:
            sentence = gettext(
                "%(phase)s: step %(number)s of %(steps)s, loss %(loss)s, accuracy %(accuracy)s, %(seconds)s s left"
            )
        return sentence % words

    def as_json(self) -> dict[str, Any]:
        """Return the run as JSON for programs."""
        return {
            "id": self.pk,
            "state": self.state,
            "phase": self.phase,
            "progress": self.progress,
            "curves": self.curves,
            "verdict": self.verdict,
            "differences": self.differences,
            "error": self.error,
            "corrections": {"taught": self.taught, "held_out": self.held_out, "sha256": self.snapshot_sha256},
            "champion": self.champion.name if self.champion else None,
            "challenger": self.challenger.name if self.challenger else None,
            "created_at": self.created_at.isoformat(),
            "started_at": self.started_at.isoformat() if self.started_at else None,
            "finished_at": self.finished_at.isoformat() if self.finished_at else None,
        }

    def cancel(self) -> bool:
        """Cancel the run at once; its worker stops within a second. Returns False if it had ended."""
        ended = {"state": RunState.CANCELLED, "finished_at": timezone.now()}
        return bool(TrainingRun.objects.active().filter(pk=self.pk).update(**ended))


delete_with_rows(TrainingRun, "snapshot")
