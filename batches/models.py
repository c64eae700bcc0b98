"""Batches, their unread chunks, the result of each picture, and webhook deliveries."""

import datetime
import secrets
from typing import Any, Self

from django.conf import settings
from django.db import models, transaction
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy, ngettext

from core.leases import Leased, LeasedQuerySet
from core.storage.deletion import delete_with_rows
from recognizer.api.codes import Code
from recognizer.identity import Identity
from recognizer.labels import Label
from recognizer.models import MAX_KEY_LENGTH, ModelVersion, Prediction
from recognizer.numbers import grouped

from .archives import MAX_NAME_LENGTH

LEASE = datetime.timedelta(seconds=settings.BATCH_LEASE)
"""How long a worker may go without a heartbeat before its chunk is given to another."""

RETRY_DELAY = datetime.timedelta(seconds=5)
"""Delay before a chunk is retried after the network, the storage or the database failed."""


MAX_ADDRESS_LENGTH = 500
"""Characters of a webhook's URL."""

MAX_ATTEMPTS = 8
"""Attempts to deliver a webhook."""

DELIVERY_LEASE = datetime.timedelta(minutes=1)
"""How long a webhook attempt may take before its worker is considered dead."""


class BatchState(models.TextChoices):
    QUEUED = "queued", gettext_lazy("Queued")
    RUNNING = "running", gettext_lazy("Running")
    DONE = "done", gettext_lazy("Done")
    FAILED = "failed", gettext_lazy("Failed")
    CANCELLED = "cancelled", gettext_lazy("Cancelled")
    ERASING = "erasing", gettext_lazy("Erasing")


ACTIVE = (BatchState.QUEUED, BatchState.RUNNING)


class BatchQuerySet(models.QuerySet["Batch"]):
    def active(self) -> Self:
        return self.filter(state__in=ACTIVE)

    def visible_to(self, identity: Identity | None) -> Self:
        """Return the batches a user may see: their own, or all for staff with the permission to view."""
        if identity is None or identity.user is None:
            return self.none()
        return self.all() if identity.may("batches.view_batch") else self.filter(owner=identity.user)


class Batch(models.Model):
    """Many pictures sent at once, with the progress of reading."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="batches")
    name = models.CharField(max_length=MAX_NAME_LENGTH, blank=True)
    source = models.CharField(max_length=6)
    state = models.CharField(max_length=9, choices=BatchState.choices, default=BatchState.QUEUED)
    model_version = models.ForeignKey(
        ModelVersion,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=gettext_lazy("version to read with"),
    )
    total = models.PositiveIntegerField(gettext_lazy("pictures"))
    read = models.PositiveIntegerField(gettext_lazy("pictures read"), default=0)
    refused = models.PositiveIntegerField(gettext_lazy("pictures refused"), default=0)
    error = models.TextField(blank=True)
    webhook = models.CharField(gettext_lazy("webhook address"), max_length=MAX_ADDRESS_LENGTH, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    request_key = models.CharField(
        gettext_lazy("Idempotency-Key of the call"),
        max_length=MAX_KEY_LENGTH,
        blank=True,
        default="",
        db_default="",
        editable=False,
    )
    request_sha256 = models.CharField(
        gettext_lazy("SHA-256 of the request"),
        max_length=64,
        blank=True,
        default="",
        db_default="",
        editable=False,
    )

    objects = BatchQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = gettext_lazy("batches")
        indexes = [models.Index(F("owner"), F("id").desc(), name="batch_of_owner")]
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "request_key"], condition=~Q(request_key=""), name="one_batch_a_key_of_an_owner"
            )
        ]

    def __str__(self) -> str:
        return gettext("batch %(number)d") % {"number": self.pk}

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
        if self.state == BatchState.QUEUED:
            return ngettext("%(total)s picture queued", "%(total)s pictures queued", self.total) % {
                "total": grouped(self.total)
            }
        if self.state == BatchState.ERASING:
            left = self.items.count()
            words = ngettext("%(left)s picture left to delete", "%(left)s pictures left to delete", left)
            return words % {"left": grouped(left)}
        counts = {name: grouped(getattr(self, name)) for name in ("read", "done", "total", "refused")}
        if self.done == self.total:
            words = gettext("%(read)s read, %(refused)s failed") if self.refused else gettext("%(read)s read")
        elif self.refused:
            words = gettext("%(done)s of %(total)s processed, %(refused)s failed")
        else:
            words = gettext("%(done)s of %(total)s processed")
        return words % counts

    def may_be_changed_by(self, identity: Identity | None) -> bool:
        """Return whether a user owns this batch, or is staff with the permission to delete."""
        if identity is None or identity.user is None:
            return False
        return self.owner_id == identity.user.pk or identity.may("batches.delete_batch")

    def end(self, state: BatchState, error: str = "") -> bool:
        """Cancel an active batch at once; unread pictures stay unread. Returns False if it had ended."""
        ended = {"state": state, "error": error, "finished_at": timezone.now()}
        return bool(Batch.objects.active().filter(pk=self.pk).update(**ended))

    def queue_webhook(self) -> None:
        """Queue the webhook, if there is one. Call this in the transaction that ends the batch."""
        if self.webhook:
            Delivery.objects.create(batch=self)


class Turn(models.Model):
    """When a chunk of an owner was last leased. Owners take turns, however many batches each has."""

    owner = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="turn")
    taken_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"turn of {self.owner_id}"


class ChunkQuerySet(LeasedQuerySet["Chunk"]):
    def take(self) -> "Chunk | None":
        """Lease the next chunk, of the owner who has waited longest.

        Among batches of one owner, first chunks come first, so that small batches do not wait for large ones.
        """
        with transaction.atomic():
            waited_longest = F("batch__owner__turn__taken_at").asc(nulls_first=True)
            # Batches of a deleted account are being deleted.
            wanted = self.filter(batch__owner__is_active=True)
            chunk = wanted.order_by(waited_longest, "number", "batch_id").lock_free()
            if chunk is None:
                return None
            chunk.take_lease(attempts=chunk.attempts + 1)
            turn = Turn(owner_id=chunk.batch.owner_id, taken_at=timezone.now())
            Turn.objects.bulk_create([turn], update_conflicts=True, unique_fields=["owner"], update_fields=["taken_at"])
        Batch.objects.filter(pk=chunk.batch_id, state=BatchState.QUEUED).update(
            state=BatchState.RUNNING, started_at=timezone.now()
        )
        return chunk


class Chunk(Leased):
    """Some unread pictures of a batch. Deleted, with its file, once they are read."""

    lease = LEASE

    batch = models.ForeignKey(Batch, models.CASCADE, related_name="chunks")
    number = models.PositiveIntegerField()
    first = models.PositiveIntegerField(gettext_lazy("number of its first picture in the batch"))
    count = models.PositiveIntegerField(gettext_lazy("pictures"))
    part = models.CharField(gettext_lazy("file in the storage"), max_length=100)
    attempts = models.PositiveIntegerField(gettext_lazy("attempts, without postponed ones"), default=0)
    suspect = models.PositiveIntegerField(gettext_lazy("picture at which the last worker died"), null=True, blank=True)

    objects = ChunkQuerySet.as_manager()

    class Meta:
        ordering = ["batch", "number"]
        constraints = [models.UniqueConstraint(fields=["batch", "number"], name="one_chunk_a_number")]
        indexes = [models.Index(fields=["number", "batch"], name="chunk_in_turn")]

    def __str__(self) -> str:
        return f"chunk {self.number} of {self.batch_id}"


delete_with_rows(Chunk, "part")


REASONS: dict[str, Any] = {
    Code.NO_INK: gettext_lazy("no ink"),
    Code.NOT_A_NUMBER: gettext_lazy("not a number"),
    Code.ONLY_PRINT: gettext_lazy("only print"),
    Code.NO_PAPER: gettext_lazy("no paper"),
    Code.TOO_FAINT: gettext_lazy("too faint"),
    Code.EMPTY: gettext_lazy("empty"),
    Code.UNSUPPORTED_TYPE: gettext_lazy("unsupported type"),
    Code.TRUNCATED: gettext_lazy("truncated"),
    Code.UNREADABLE: gettext_lazy("unreadable"),
    Code.ANIMATED: gettext_lazy("animated"),
    Code.SEVERAL_PAGES: gettext_lazy("several pages"),
    Code.TOO_LARGE: gettext_lazy("too large"),
    Code.TOO_MANY_PIXELS: gettext_lazy("too many pixels"),
    Code.TOO_MANY_PIECES: gettext_lazy("too many pieces"),
    Code.DAMAGED: gettext_lazy("damaged"),
    Code.ERASED: gettext_lazy("erased"),
}
"""Why a picture of a batch has no reading, for people."""


class ItemQuerySet(models.QuerySet["Item"]):
    def in_order(self) -> Self:
        unused = ("picture", "prediction__frames", "prediction__image_content", "prediction__model_version__card")
        return self.order_by("number").select_related("prediction__model_version").defer(*unused)

    def worst_first(self) -> Self:
        """Order failures first, then by confidence, lowest first; `has_picture` says whether a failure can be shown."""
        shown = self.in_order().annotate(has_picture=Q(picture__gt=b""))
        return shown.order_by(F("prediction__confidence").asc(nulls_first=True), "number")


class Item(models.Model):
    """One picture of a batch: its prediction, or why there is none.

    has_picture: whether a failure has a thumbnail, set by `worst_first`. label: from an import, until it is stored as a
    correction.
    """

    has_picture: bool
    label: Label | None = None

    batch = models.ForeignKey(Batch, models.CASCADE, related_name="items")
    number = models.PositiveIntegerField(gettext_lazy("place in the batch, from 1"))
    name = models.CharField(max_length=MAX_NAME_LENGTH)
    prediction = models.ForeignKey(Prediction, models.SET_NULL, null=True, related_name="+")
    code = models.CharField(gettext_lazy("why there is no prediction"), max_length=30, blank=True)
    picture = models.BinaryField(gettext_lazy("thumbnail of a refused picture"), default=b"", db_default=b"")

    objects = ItemQuerySet.as_manager()

    class Meta:
        ordering = ["batch", "number"]
        constraints = [models.UniqueConstraint(fields=["batch", "number"], name="each_picture_once")]

    def __str__(self) -> str:
        return f"{self.number}: {self.name}"

    @property
    def reason(self) -> str:
        """Why there is no reading, "" if there is one. The prediction may be deleted."""
        return self.code or ("" if self.prediction_id else Code.ERASED)

    @property
    def in_words(self) -> str:
        return str(REASONS.get(self.reason, self.reason.replace("_", " ")))

    def as_json(self) -> dict[str, Any]:
        """Return the result as `manage.py recognize --json` prints it, with its number and its prediction."""
        prediction = self.prediction
        return {
            "number": self.number,
            "file": self.name,
            "text": prediction.text if prediction else "",
            "confidence": prediction.confidence if prediction else 0.0,
            "sure": prediction.sure if prediction else False,
            "digits": prediction.digits if prediction else [],
            "ignored": prediction.ignored if prediction else [],
            "reason": self.reason or None,
            "prediction": prediction.pk if prediction else None,
            "model_version": prediction.model_version.name if prediction else None,
        }


class DeliveryQuerySet(LeasedQuerySet["Delivery"]):
    def take(self) -> "Delivery | None":
        """Lease a due delivery: fewest attempts first, then longest due."""
        with transaction.atomic():
            due = self.filter(state=Delivery.State.WAITING, due_at__lte=timezone.now())
            delivery = due.order_by("attempts", "due_at").lock_free()
            if delivery is not None:
                delivery.take_lease(attempts=delivery.attempts + 1)
        return delivery

    def held(self, pk: int, fence: int) -> Self:
        return super().held(pk, fence).filter(state=Delivery.State.WAITING)


class Delivery(Leased):
    """A webhook to deliver. It is delivered at least once, or given up after MAX_ATTEMPTS."""

    lease = DELIVERY_LEASE

    class State(models.TextChoices):
        WAITING = "waiting", gettext_lazy("Waiting")
        DELIVERED = "delivered", gettext_lazy("Delivered")
        GIVEN_UP = "given_up", gettext_lazy("Given Up")

    batch = models.OneToOneField(Batch, models.CASCADE, related_name="delivery")
    state = models.CharField(max_length=9, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(gettext_lazy("next attempt"), default=timezone.now)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = gettext_lazy("deliveries")
        indexes = [
            models.Index(fields=["attempts", "due_at"], condition=Q(state="waiting"), name="delivery_that_waits"),
        ]

    def __str__(self) -> str:
        return f"webhook of {self.batch}"

    @property
    def is_waiting(self) -> bool:
        return self.state == self.State.WAITING


class Attempt(models.Model):
    """One attempt of a delivery and its result."""

    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="log")
    at = models.DateTimeField()
    status = models.PositiveSmallIntegerField(gettext_lazy("HTTP status of the answer"), null=True)
    failure = models.CharField(gettext_lazy("why it failed"), max_length=100, blank=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.status or ''} {self.failure}".strip()


def new_secret() -> str:
    return f"whsec_{secrets.token_hex(32)}"


class SigningSecretQuerySet(models.QuerySet["SigningSecret"]):
    def of(self, user: Any) -> "SigningSecret":
        """Return a user's secret; create it on first use."""
        return self.get_or_create(user=user)[0]


class SigningSecret(models.Model):
    """The secret that signs a user's webhooks. Stored in plain text, because signing needs it."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="signing_secret")
    secret = models.CharField(max_length=70, default=new_secret)

    objects = SigningSecretQuerySet.as_manager()

    def __str__(self) -> str:
        return f"secret of {self.user}"
