"""What is kept: versions of the network and their promotions, predictions and the corrections people claim."""

import datetime
import secrets
import uuid
from functools import cached_property
from typing import Any, Self

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models, transaction
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone

from . import news
from .reading.classifier import NOT_A_DIGIT
from .visitors import Identity

NUMBER = RegexValidator(r"\A[0-9]+(\n[0-9]+)*\Z", "Write digits only; a line for each line of the picture.")
LONGEST_TEXT = 500
LONGEST_KEY = 255


def version_file(version: "ModelVersion", filename: str) -> str:
    return f"versions/{version.name}/{filename}"


class ModelVersionQuerySet(models.QuerySet["ModelVersion"]):
    def serving(self) -> "ModelVersion | None":
        """Return the version named by the newest promotion."""
        newest = Promotion.objects.select_related("version").order_by("-id").first()
        return newest.version if newest else None

    def called(self, name: object) -> "ModelVersion | None":
        """Return the version of a name that somebody sent, whatever they sent."""
        # What cannot be printed no version is called, and some databases cannot even be asked for it.
        return self.filter(name=name).first() if isinstance(name, str) and name.isprintable() else None

    def with_serving(self) -> Self:
        """Annotate each version with `serves`: whether it is the one."""
        newest = Promotion.objects.order_by("-id").values("version")[:1]
        return self.annotate(serves=models.Case(models.When(pk=newest, then=True), default=False))

    def served_before(self) -> "list[ModelVersion]":
        """Return the last five versions that served before the one that does, the latest first."""
        found: dict[int, ModelVersion] = {}
        for promotion in Promotion.objects.select_related("version").order_by("-id")[:100]:
            found.setdefault(promotion.version_id, promotion.version)
        return list(found.values())[1:6]


class ModelVersion(models.Model):
    """A trained network with its files and its model card."""

    name = models.CharField(max_length=100, unique=True)
    card = models.JSONField(default=dict)
    keras_file = models.FileField(upload_to=version_file)
    keras_sha256 = models.CharField("SHA-256 of the Keras file", max_length=64)
    litert_file = models.FileField(upload_to=version_file)
    litert_sha256 = models.CharField("SHA-256 of the LiteRT file", max_length=64)
    mistakes = models.FileField(upload_to=version_file, blank=True)
    shipped = models.BooleanField("came with the project", default=False)
    created_at = models.DateTimeField(default=timezone.now)

    objects = ModelVersionQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name = "model version"
        permissions = [("manage_networks", "Can retrain, promote and roll back networks")]

    def __str__(self) -> str:
        return self.name

    @property
    def test_accuracy(self) -> float | None:
        return self.card.get("metrics", {}).get("test_accuracy")

    def promote(self, by: Any = None) -> "Promotion":
        """Make this the serving version, for every process, in one row."""
        promotion = Promotion.objects.create(version=self, promoted_by=by)
        transaction.on_commit(news.tell)
        return promotion


class Promotion(models.Model):
    """The newest row names the serving version; rolling back is one more row."""

    version = models.ForeignKey(ModelVersion, models.PROTECT, related_name="promotions")
    promoted_at = models.DateTimeField(default=timezone.now)
    promoted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.version} at {self.promoted_at:%Y-%m-%d %H:%M}"


def image_file(prediction: "Prediction", filename: str) -> str:
    """Spread files by day and by 256 folders, under a name that tells nothing."""
    return image_files([filename])[0]


def image_files(filenames: list[str]) -> list[str]:
    """Name files that are written together, in one of the folders: the disk is then waited for once."""
    folder = f"predictions/{timezone.now():%Y/%m/%d}/{secrets.token_hex(1)}"
    return [f"{folder}/{secrets.token_hex(15)}.{filename.rpartition('.')[2]}" for filename in filenames]


class PredictionQuerySet(models.QuerySet["Prediction"]):
    def of(self, identity: Identity | None) -> Self:
        """Keep what belongs to a user or visitor; nothing for a stranger."""
        if identity is None:
            return self.none()
        if identity.user is not None:
            return self.filter(owner=identity.user)
        return self.filter(visitor=identity.visitor)

    def visible_to(self, identity: Identity | None) -> Self:
        """Keep what a user or visitor may see: their own, and everything for staff."""
        return self.all() if identity is not None and identity.is_staff else self.of(identity)

    def from_source(self, source: str) -> Self:
        return self.filter(source=source)

    def sent(self) -> Self:
        """Keep what people sent; what staff imported with its labels says nothing of them."""
        return self.exclude(source=Source.IMPORT)

    def flagged(self, flagged: bool = True) -> Self:
        if flagged:
            # From the few that are: SQLite would look for each prediction's corrections, one after another.
            return self.filter(pk__in=Correction.objects.values("prediction"))
        return self.filter(~models.Exists(Correction.objects.filter(prediction=models.OuterRef("pk"))))

    def starting_with(self, digits: str, most: int) -> Self:
        """Keep at most so many whose text starts with some digits, found in an index, exact ones first."""
        # Bounds that the index knows in every database and collation: a prefix alone SQLite looks for in all rows.
        found = Prediction.objects.filter(text__startswith=digits, text__gte=digits)
        if stem := digits.rstrip("9"):
            found = found.filter(text__lt=str(int(stem) + 1).zfill(len(stem)))
        return self.filter(
            pk__in=list(found.order_by("text", "-created_at", "-id").values_list("pk", flat=True)[:most])
        )

    def containing_digit(self, digit: int | str) -> Self:
        return self.filter(text__contains=str(digit))

    def since(self, day: datetime.date) -> Self:
        return self.filter(created_at__gte=_midnight(day))

    def until(self, day: datetime.date) -> Self:
        """Keep what was made up to the end of a day."""
        last = datetime.datetime.combine(day, datetime.time.max, tzinfo=datetime.UTC)
        return self.filter(created_at__lte=last)

    def with_correction(self) -> Self:
        newest_first = models.Prefetch("corrections", Correction.objects.order_by("-id"))
        return self.prefetch_related(newest_first)

    def with_version(self) -> Self:
        """Fetch the versions' names along. Their cards are longer than all else of a row."""
        return self.select_related("model_version").defer("model_version__card")

    def claim(self, visitor: uuid.UUID, user: Any) -> int:
        """Give a visitor's predictions to the user the visitor turned out to be."""
        return self.filter(visitor=visitor).update(owner=user, visitor=None)


def _midnight(day: datetime.date) -> datetime.datetime:
    return datetime.datetime.combine(day, datetime.time.min, tzinfo=datetime.UTC)


class Source(models.TextChoices):
    DRAW = "draw", "drawn"
    UPLOAD = "upload", "uploaded"
    API = "api", "API"
    IMPORT = "import", "imported"

    @classmethod
    def sent(cls) -> list[str]:
        """What a request may say of itself."""
        return [cls.DRAW, cls.UPLOAD, cls.API]


class Prediction(models.Model):
    """A stored reading with the picture it was read from, re-encoded from pixels."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="predictions"
    )
    visitor = models.UUIDField(null=True, blank=True, editable=False)
    source = models.CharField(max_length=6, choices=Source.choices)
    image = models.FileField(upload_to=image_file)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    frames = models.BinaryField("what the network saw, a PNG strip of 28 x 28 frames")
    text = models.CharField(max_length=LONGEST_TEXT)
    confidence = models.FloatField()
    digits = models.JSONField()
    # The index below begins with it.
    model_version = models.ForeignKey(ModelVersion, models.PROTECT, related_name="predictions", db_index=False)
    request_key = models.CharField("Idempotency-Key of the call", max_length=LONGEST_KEY, blank=True, editable=False)
    request_sha256 = models.CharField("SHA-256 of what the call sent", max_length=64, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now)

    objects = PredictionQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "request_key"], condition=~Q(request_key=""), name="one_prediction_a_key_of_an_owner"
            ),
            models.UniqueConstraint(
                fields=["visitor", "request_key"],
                condition=~Q(request_key=""),
                name="one_prediction_a_key_of_a_visitor",
            ),
            models.CheckConstraint(
                condition=Q(owner__isnull=False, visitor__isnull=True) | Q(owner__isnull=True, visitor__isnull=False),
                name="prediction_has_one_owner",
            ),
        ]
        indexes = [
            models.Index(F("owner"), F("id").desc(), name="prediction_of_owner"),
            models.Index(F("visitor"), F("id").desc(), name="prediction_of_visitor"),
            models.Index(F("created_at").desc(), F("id").desc(), name="prediction_by_time"),
            models.Index(F("source"), F("created_at").desc(), F("id").desc(), name="prediction_of_source"),
            models.Index(F("model_version"), F("created_at").desc(), F("id").desc(), name="prediction_of_version"),
            models.Index(F("text"), F("created_at").desc(), F("id").desc(), name="prediction_by_text"),
        ]

    def __str__(self) -> str:
        return f"{self.pk}: {self.one_line}"

    def get_absolute_url(self) -> str:
        return reverse("prediction", args=[self.pk])

    @property
    def one_line(self) -> str:
        return self.text.replace("\n", " ")

    @cached_property
    def correction(self) -> "Correction | None":
        """The newest correction; costs no query after `with_correction()`."""
        newest = sorted(self.corrections.all(), key=lambda correction: -correction.pk)
        return newest[0] if newest else None

    def may_be_erased_by(self, identity: Identity | None) -> bool:
        """Tell whether someone owns this, or is staff with the permission to delete; seeing is not enough."""
        if identity is None:
            return False
        if identity.user is not None:
            reviewer = identity.is_staff and identity.user.has_perm("recognizer.delete_prediction")
            return reviewer or self.owner_id == identity.user.pk
        return self.visitor == identity.visitor

    def flag(self, text: str, by: Any = None) -> "Correction":
        """Claim what this really says; "" for no number. Replaces a claim not yet reviewed.

        The new claim is a new row: a reviewer who decides on the old one cannot mean this one.
        """
        with transaction.atomic():
            # Two flags at once take turns.
            Prediction.objects.select_for_update().only("pk").get(pk=self.pk)
            self.corrections.filter(state=Correction.State.PENDING).delete()
            self.correction = self.corrections.create(text=text, flagged_by=by)
        return self.correction


class CorrectionQuerySet(models.QuerySet["Correction"]):
    def pending(self) -> Self:
        return self.filter(state=Correction.State.PENDING)

    def approved(self) -> Self:
        return self.filter(state=Correction.State.APPROVED)

    def waiting_for(self, reviewer: Any) -> Self:
        """Keep what a reviewer can decide: what waits, less what already has the reviewer's word."""
        return self.pending().exclude(first_reviewer=reviewer)

    def decided_by(self, reviewer: Any) -> Self:
        """Keep what a reviewer has decided, or agreed to as the first of two, the last one first."""
        alone = Q(reviewed_by=reviewer)
        first = Q(first_reviewer=reviewer, state=Correction.State.PENDING)
        decided_at = models.Case(models.When(alone, then="reviewed_at"), default="first_reviewed_at")
        return self.filter(alone | first).annotate(decided_at=decided_at).order_by("-decided_at", "-id")


class Correction(models.Model):
    """A user's claim of what a prediction should have read, and reviewers' word on it."""

    class State(models.TextChoices):
        PENDING = "pending"
        APPROVED = "approved"
        REJECTED = "rejected"

    prediction = models.ForeignKey(Prediction, models.CASCADE, related_name="corrections")
    text = models.CharField(max_length=LONGEST_TEXT, blank=True, validators=[NUMBER], help_text="empty: no number here")
    labels = models.JSONField("what a reviewer saw in each box", null=True, blank=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.PENDING)
    flagged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="flagged_corrections"
    )
    created_at = models.DateTimeField(default=timezone.now)
    first_reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    first_reviewed_at = models.DateTimeField(null=True, blank=True)
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="reviewed_corrections"
    )
    reviewed_at = models.DateTimeField(null=True, blank=True)
    imported = models.BooleanField("imported by staff", default=False)
    writer = models.CharField("whose hand it is, where an import says so", max_length=100, blank=True)

    objects = CorrectionQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        permissions = [("review_corrections", "Can review corrections")]
        constraints = [
            models.UniqueConstraint(
                fields=["prediction"],
                condition=Q(state="pending"),
                name="one_pending_correction_a_prediction",
            )
        ]

    def __str__(self) -> str:
        return f"{self.prediction.one_line} is {self.one_line}"

    @property
    def one_line(self) -> str:
        return self.text.replace("\n", " ") or "no number"

    @property
    def needs_two(self) -> bool:
        """Whether the claim contradicts a network so sure that one reviewer's word is not enough."""
        return self.text != self.prediction.text and self.prediction.confidence >= settings.SECOND_REVIEW_ABOVE

    @property
    def box_labels(self) -> list[int] | None:
        """What each of the prediction's boxes really holds, 10 for no digit; None where the claim does not say.

        A reviewer's labels come first. A claim says it where it has as many digits as there are boxes, or none.
        """
        boxes = len(self.prediction.digits)
        if self.labels is not None:
            return self.labels
        if not self.text:
            return [NOT_A_DIGIT] * boxes
        said = [int(digit) for digit in self.text if digit != "\n"]
        return said if len(said) == boxes else None

    def approve(self, by: Any, labels: list[int] | None = None) -> bool:
        """Agree with the claim, with labels for its boxes where the reviewer gave some.

        Where two must agree and `by` is no superuser, the first word leaves the claim pending. Returns False
        where it was reviewed or replaced before, or where this reviewer's word is the first one already.
        """
        fixed = {} if labels is None else {"labels": labels}
        if self.needs_two and self.first_reviewer_id is None and not by.is_superuser:
            return self._decide(fixed | {"first_reviewer": by, "first_reviewed_at": timezone.now()}, by)
        return self._decide(fixed | self._word(self.State.APPROVED, by), by)

    def reject(self, by: Any) -> bool:
        """Disagree with the claim. Returns False as `approve` does."""
        return self._decide(self._word(self.State.REJECTED, by), by)

    def reopen(self, by: Any) -> bool:
        """Take back one's own word, and the labels given with it where nobody else agreed to them.

        Returns False where it was another's, or where a newer claim waits.
        """
        waits = Correction.objects.pending().filter(prediction=self.prediction_id).exclude(pk=self.pk)
        mine = Correction.objects.filter(pk=self.pk)
        if self.state == self.State.PENDING:
            mine = mine.filter(state=self.State.PENDING, first_reviewer=by)
            return bool(mine.update(first_reviewer=None, first_reviewed_at=None, labels=None))
        mine = mine.filter(reviewed_by=by).exclude(models.Exists(waits))
        unsaid: dict[str, Any] = {"state": self.State.PENDING, "reviewed_by": None, "reviewed_at": None}
        return bool(mine.update(**unsaid | ({"labels": None} if self.first_reviewer_id is None else {})))

    def _word(self, state: State, by: Any) -> dict[str, Any]:
        return {"state": state, "reviewed_by": by, "reviewed_at": timezone.now()}

    def _decide(self, word: dict[str, Any], by: Any) -> bool:
        seen = Correction.objects.pending().filter(pk=self.pk, first_reviewer=self.first_reviewer_id)
        if self.first_reviewer_id == by.pk or not seen.update(**word):
            return False
        for name, value in word.items():
            setattr(self, name, value)
        return True
