"""What is kept of a batch: where it is, what of it still waits, and what became of each picture."""

import datetime
import secrets
from typing import Any, Self

from django.conf import settings
from django.db import models, transaction
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone

from recognizer.models import ModelVersion, Prediction

from .archives import LONGEST_NAME

LEASE = datetime.timedelta(seconds=settings.BATCH_LEASE)
"""How long a worker may keep silent before what it reads is taken from it."""

RETRY = datetime.timedelta(seconds=5)
"""How long a chunk rests that could not be read for want of a network, a store or a database."""


LONGEST_ADDRESS = 500
"""Letters of a webhook's address."""

MOST_ATTEMPTS = 8
"""Times that a webhook is tried."""

DELIVERY_LEASE = datetime.timedelta(minutes=1)
"""How long an attempt at a webhook may take before it is held to have died."""


class State(models.TextChoices):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


ACTIVE = (State.QUEUED, State.RUNNING)


class BatchQuerySet(models.QuerySet["Batch"]):
    def active(self) -> Self:
        return self.filter(state__in=ACTIVE)

    def visible_to(self, user: Any) -> Self:
        """Keep what a user may see: their own, and everything for staff."""
        return self.all() if user.is_staff else self.filter(owner=user)


class Batch(models.Model):
    """Many pictures sent at once, and how far they are read."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="batches")
    name = models.CharField(max_length=LONGEST_NAME, blank=True)
    source = models.CharField(max_length=6)
    state = models.CharField(max_length=9, choices=State.choices, default=State.QUEUED)
    model_version = models.ForeignKey(
        ModelVersion,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="version it is to be read with",
    )
    total = models.PositiveIntegerField("pictures")
    read = models.PositiveIntegerField("pictures that became predictions", default=0)
    refused = models.PositiveIntegerField("pictures that did not", default=0)
    error = models.TextField(blank=True)
    webhook = models.CharField("address that is told of its end", max_length=LONGEST_ADDRESS, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = BatchQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "batches"
        indexes = [models.Index(F("owner"), F("id").desc(), name="batch_of_owner")]

    def __str__(self) -> str:
        return f"batch {self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("batch", args=[self.pk])

    @property
    def is_active(self) -> bool:
        return self.state in ACTIVE

    @property
    def done(self) -> int:
        return self.read + self.refused

    @property
    def in_words(self) -> str:
        if self.state == State.QUEUED:
            return f"{self.total:,} pictures wait for a worker"
        words = f"{self.done:,} of {self.total:,} done"
        return f"{words}, {self.refused:,} of them without a number" if self.refused else words

    def may_be_changed_by(self, user: Any) -> bool:
        """Tell whether someone owns this, or is staff with the permission to delete; seeing is not enough."""
        return self.owner_id == user.pk or (user.is_staff and user.has_perm("batches.delete_batch"))

    def end(self, state: State, error: str = "") -> bool:
        """End an active batch here and now: what was not read will not be. Returns False where it had ended."""
        ended = {"state": state, "error": error, "finished_at": timezone.now()}
        return bool(Batch.objects.active().filter(pk=self.pk).update(**ended))

    def tell_of_its_end(self) -> None:
        """Queue the webhook, if there is one. In the transaction that ends the batch: both happen or neither."""
        if self.webhook:
            Delivery.objects.create(batch=self)


class ChunkQuerySet(models.QuerySet["Chunk"]):
    def free(self) -> Self:
        """Keep what nobody reads, or whose reader has fallen silent."""
        return self.filter(Q(lease_until=None) | Q(lease_until__lt=timezone.now()))

    def take(self) -> "Chunk | None":
        """Lease the next chunk. A small batch does not wait for a large one: first chunks come first."""
        with transaction.atomic():
            waiting = self.free().select_for_update(skip_locked=True).order_by("number", "batch_id")
            chunk = waiting.first()
            if chunk is None:
                return None
            chunk.attempts += 1
            chunk.lease_until = timezone.now() + LEASE
            chunk.save(update_fields=["attempts", "lease_until"])
        Batch.objects.filter(pk=chunk.batch_id, state=State.QUEUED).update(
            state=State.RUNNING, started_at=timezone.now()
        )
        return chunk

    def held(self, chunk: "Chunk") -> Self:
        """Keep a chunk as long as its reader may write what it read: not once another has taken it."""
        return self.filter(pk=chunk.pk, attempts=chunk.attempts)


class Chunk(models.Model):
    """Some pictures of a batch that wait to be read. It goes, with its file, once they are."""

    batch = models.ForeignKey(Batch, models.CASCADE, related_name="chunks")
    number = models.PositiveIntegerField()
    first = models.PositiveIntegerField("number of its first picture in the batch")
    count = models.PositiveIntegerField("pictures")
    part = models.CharField("file in the storage", max_length=100)
    attempts = models.PositiveIntegerField("times a worker took it", default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    suspect = models.PositiveIntegerField("picture at which its last reader died, if it did", null=True, blank=True)

    objects = ChunkQuerySet.as_manager()

    class Meta:
        ordering = ["batch", "number"]
        constraints = [models.UniqueConstraint(fields=["batch", "number"], name="one_chunk_a_number")]
        indexes = [models.Index(fields=["number", "batch"], name="chunk_in_turn")]

    def __str__(self) -> str:
        return f"chunk {self.number} of {self.batch_id}"


class ItemQuerySet(models.QuerySet["Item"]):
    def in_order(self) -> Self:
        unused = ("prediction__frames", "prediction__model_version__card")
        return self.order_by("number").select_related("prediction__model_version").defer(*unused)


class Item(models.Model):
    """One picture of a batch: its prediction, or why there is none."""

    batch = models.ForeignKey(Batch, models.CASCADE, related_name="items")
    number = models.PositiveIntegerField("place in the batch, from 1")
    name = models.CharField(max_length=LONGEST_NAME)
    prediction = models.ForeignKey(Prediction, models.SET_NULL, null=True, related_name="+")
    code = models.CharField("why there is no prediction", max_length=30, blank=True)

    objects = ItemQuerySet.as_manager()

    class Meta:
        ordering = ["batch", "number"]
        constraints = [models.UniqueConstraint(fields=["batch", "number"], name="each_picture_once")]

    def __str__(self) -> str:
        return f"{self.number}: {self.name}"

    @property
    def reason(self) -> str:
        """Why there is no reading, "" where there is one; a prediction that its owner erased is gone."""
        return self.code or ("" if self.prediction_id else "erased")

    @property
    def in_words(self) -> str:
        return self.reason.replace("_", " ")


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def take(self) -> "Delivery | None":
        """Lease the delivery that has been due the longest, those first that were tried the least."""
        with transaction.atomic():
            due = self.filter(state=Delivery.State.WAITING, due_at__lte=timezone.now())
            delivery = due.select_for_update(skip_locked=True).order_by("attempts", "due_at").first()
            if delivery is None:
                return None
            delivery.attempts += 1
            delivery.due_at = timezone.now() + DELIVERY_LEASE
            delivery.save(update_fields=["attempts", "due_at"])
        return delivery

    def held(self, delivery: "Delivery") -> Self:
        """Keep a delivery as long as whoever took it may write down what came of it."""
        return self.filter(pk=delivery.pk, attempts=delivery.attempts, state=Delivery.State.WAITING)


class Delivery(models.Model):
    """The word that a batch has ended, on its way to the batch's webhook. It arrives at least once, or is given up."""

    class State(models.TextChoices):
        WAITING = "waiting"
        DELIVERED = "delivered"
        GIVEN_UP = "given_up"

    batch = models.OneToOneField(Batch, models.CASCADE, related_name="delivery")
    state = models.CharField(max_length=9, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField("next attempt", default=timezone.now)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "deliveries"
        indexes = [
            models.Index(fields=["attempts", "due_at"], condition=Q(state="waiting"), name="delivery_that_waits"),
        ]

    def __str__(self) -> str:
        return f"webhook of {self.batch}"

    @property
    def is_waiting(self) -> bool:
        return self.state == self.State.WAITING


class Attempt(models.Model):
    """One try of a delivery and what came of it."""

    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="log")
    at = models.DateTimeField()
    status = models.PositiveSmallIntegerField("status that was answered", null=True)
    failure = models.CharField("why it failed", max_length=100, blank=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.status or ''} {self.failure}".strip()


def new_secret() -> str:
    return f"whsec_{secrets.token_hex(32)}"


class SigningSecretQuerySet(models.QuerySet["SigningSecret"]):
    def of(self, user: Any) -> "SigningSecret":
        """Return a user's secret, made when it is first asked for."""
        return self.get_or_create(user=user)[0]


class SigningSecret(models.Model):
    """What a user's webhooks are signed with. Both sides need it, so it is kept as it is."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="signing_secret")
    secret = models.CharField(max_length=70, default=new_secret)

    objects = SigningSecretQuerySet.as_manager()

    def __str__(self) -> str:
        return f"secret of {self.user}"
