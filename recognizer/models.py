"""Versions of the network and their promotions, predictions and corrections."""

import datetime
import errno
import itertools
import secrets
import uuid
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Self

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.files.base import ContentFile, File
from django.core.validators import RegexValidator
from django.db import IntegrityError, connections, models, transaction
from django.db.models import F, Q
from django.db.models.functions import Greatest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy, gettext_noop

from core.audit import record
from core.leases import Leased, LeasedQuerySet
from core.models import Event
from core.queries import Prepared, PreparedInsert
from core.storage.deletion import delete_with_rows

from . import events
from .identity import Identity, Owner
from .numbers import grouped
from .reading import SURE_FROM
from .reading.classifier import NOT_A_DIGIT
from .reading.images import WEBP_FACTOR

NUMBER = RegexValidator(
    r"\A[0-9]+(\n[0-9]+)*\Z", gettext_lazy("Write digits only; a line for each line of the picture.")
)
MAX_TEXT_LENGTH = 500
MAX_KEY_LENGTH = 255
MAX_FILENAME_LENGTH = 255


def today() -> datetime.date:
    return timezone.now().date()


@dataclass(frozen=True)
class Room:
    """Upper limits of stored data; 0 is no limit."""

    predictions: int
    image_bytes: int


NO_LIMIT = 2**62
"""More predictions, or bytes, than anybody can store."""


def version_file(version: "ModelVersion", filename: str) -> str:
    return f"versions/{version.name}/{filename}"


class ModelVersionQuerySet(models.QuerySet["ModelVersion"]):
    def serving(self) -> "ModelVersion | None":
        """Return the version named by the newest promotion."""
        newest = Promotion.objects.select_related("version").order_by("-id").first()
        return newest.version if newest else None

    def called(self, name: object) -> "ModelVersion | None":
        """Return the version with a name from a request, which may be any string."""
        # No version's name has unprintable characters, and some databases refuse them in a query.
        return self.filter(name=name).first() if isinstance(name, str) and name.isprintable() else None

    def with_serving(self) -> Self:
        """Annotate each version with `serves`: whether it is the current one."""
        newest = Promotion.objects.order_by("-id").values("version")[:1]
        return self.annotate(serves=models.Case(models.When(pk=newest, then=True), default=False))

    def served_before(self) -> "list[ModelVersion]":
        """Return the last five versions that were current before this one, the latest first."""
        versions: dict[int, ModelVersion] = {}
        for promotion in Promotion.objects.select_related("version").order_by("-id")[:100]:
            versions.setdefault(promotion.version_id, promotion.version)
        return list(versions.values())[1:6]


class ModelVersion(models.Model):
    """A trained network with its files and its model card."""

    name = models.CharField(max_length=100, unique=True)
    card = models.JSONField(default=dict)
    keras_file = models.FileField(upload_to=version_file)
    keras_sha256 = models.CharField(gettext_lazy("SHA-256 of the Keras file"), max_length=64)
    litert_file = models.FileField(upload_to=version_file)
    litert_sha256 = models.CharField(gettext_lazy("SHA-256 of the LiteRT file"), max_length=64)
    mistakes = models.FileField(upload_to=version_file, blank=True)
    shipped = models.BooleanField(gettext_lazy("shipped with the project"), default=False)
    created_at = models.DateTimeField(default=timezone.now)

    objects = ModelVersionQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name = gettext_lazy("model version")
        permissions = [("manage_networks", gettext_noop("Can retrain, promote and roll back networks"))]

    def __str__(self) -> str:
        return self.name

    @property
    def test_accuracy(self) -> float | None:
        return self.card.get("metrics", {}).get("test_accuracy")

    def promote(self, by: Any = None) -> "Promotion":
        """Make this the current version, for every process, by one row."""
        with transaction.atomic():
            event = Event.ROLLED_BACK if self.promotions.exists() else Event.PROMOTED
            promotion = Promotion.objects.create(version=self, promoted_by=by)
            record(event, self, user=by, version=self.name)
            transaction.on_commit(events.publish)
        return promotion


delete_with_rows(ModelVersion, "keras_file", "litert_file", "mistakes")


class Promotion(models.Model):
    """A promotion. The newest row names the current version; rolling back adds a row."""

    version = models.ForeignKey(ModelVersion, models.PROTECT, related_name="promotions")
    promoted_at = models.DateTimeField(default=timezone.now)
    promoted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.version} at {self.promoted_at:%Y-%m-%d %H:%M}"


MAX_ROW_IMAGE = 32_768
"""Bytes up to which a PNG is stored in its prediction's row, so that one flush writes both."""


def image_file(prediction: "Prediction", filename: str) -> str:
    """Return a random file name, spread by day and over 256 folders."""
    return image_files([filename])[0]


FILES_A_FOLDER = 64
"""Images after which a process draws another of the day's 256 folders. Each new folder takes another flush."""

_images = itertools.count()


def image_files(filenames: list[str]) -> list[str]:
    """Name files that are written together, in one folder, so that one flush is enough."""
    folder = _folder(today(), next(_images) // FILES_A_FOLDER)
    return [f"{folder}/{secrets.token_hex(15)}.{filename.rpartition('.')[2]}" for filename in filenames]


@lru_cache(maxsize=1)
def _folder(day: datetime.date, turn: int) -> str:
    return f"predictions/{day:%Y/%m/%d}/{secrets.token_hex(1)}"


MAX_CORRECTED = 1000
"""Corrections that a search finds at most, the newest first."""
MANY = 500
"""Matches of a search from which a page of them is soon full."""


class PredictionQuerySet(models.QuerySet["Prediction"]):
    def of(self, identity: Identity | None) -> Self:
        """Filter by owner; nothing for a stranger."""
        if identity is None:
            return self.none()
        if identity.user is not None:
            return self.filter(owner=identity.user)
        return self.filter(visitor=identity.visitor)

    def visible_to(self, identity: Identity | None) -> Self:
        """Filter what a user or visitor may see: their own, or everything for staff with the permission to view."""
        every = identity is not None and identity.may("recognizer.view_prediction")
        return self.all() if every else self.of(identity)

    def sent(self) -> Self:
        """Filter what people sent, without imports by staff."""
        return self.exclude(source=Source.IMPORT)

    def flagged(self, flagged: bool = True) -> Self:
        """Filter flagged predictions, or those that are not. A confirmed reading is not flagged."""
        corrections = Correction.objects.exclude(state=Correction.State.CONFIRMED)
        if flagged:
            # From the few flagged ones: SQLite would search the corrections of each prediction in turn.
            return self.filter(pk__in=corrections.values("prediction"))
        return self.filter(~models.Exists(corrections.filter(prediction=models.OuterRef("pk"))))

    def starting_with(self, digits: str, most: int) -> Self:
        """Filter at most so many predictions by the first digits of their text, using an index, exact matches first."""
        # A range, because every database uses the index for it; SQLite would scan all rows for a prefix.
        matches = Prediction.objects.filter(text__startswith=digits, text__gte=digits)
        if stem := digits.rstrip("9"):
            matches = matches.filter(text__lt=str(int(stem) + 1).zfill(len(stem)))
        return self.filter(
            pk__in=list(matches.order_by("text", "-created_at", "-id").values_list("pk", flat=True)[:most])
        )

    def insert(self, predictions: "list[Prediction]") -> None:
        """Save new rows in less time than `bulk_create`. Call this in a transaction."""
        _PREDICTIONS.add(predictions)

    def outside_batches(self) -> Self:
        """Leave out what came in a batch."""
        return self.filter(batch=None)

    def of_batch(self, number: int) -> Self:
        return self.filter(batch=number)

    def sure(self, sure: bool = True) -> Self:
        return self.filter(confidence__gte=SURE_FROM) if sure else self.filter(confidence__lt=SURE_FROM)

    def unsure_first(self, reviewer: Any) -> Self:
        """Filter unsure predictions without a correction that a reviewer may label. `page_of` sorts them."""
        labelled = Correction.objects.filter(prediction=models.OuterRef("pk"))
        unsure = self.sent().sure(False).filter(~models.Exists(labelled))
        return unsure.exclude(owner=reviewer) if another_reviewer_than(reviewer) else unsure

    def containing_digit(self, digit: int | str) -> Self:
        return self.filter(text__contains=str(digit))

    def saying(self, text: str) -> Self:
        """Keep what was read as a text, or part of one, or corrected to it. A rejected correction does not count."""
        corrections = Correction.objects.exclude(state=Correction.State.REJECTED).filter(text__contains=text)
        mine = corrections.filter(models.Exists(self.filter(pk=models.OuterRef("prediction")))).order_by("-pk")
        # A list of the few, because databases scan rows at half the speed beside a subquery.
        corrected = list(mine.values_list("prediction", flat=True)[:MAX_CORRECTED])
        # An index has ids and texts, so that rows are only read where there are matches.
        found = list(self.filter(text__contains=text).order_by("-pk").values_list("pk", flat=True)[:MANY])
        if len(found) < MANY:
            return self.filter(pk__in=found + corrected)
        return self.filter(Q(text__contains=text) | Q(pk__in=corrected))

    def since(self, day: datetime.date, zone: datetime.tzinfo = datetime.UTC) -> Self:
        """Filter by the earliest creation time: a day in a time zone, or a moment."""
        return self.filter(created_at__gte=_moment(day, datetime.time.min, zone))

    def until(self, day: datetime.date, zone: datetime.tzinfo = datetime.UTC) -> Self:
        """Filter by the latest creation time: a day in a time zone, or a moment."""
        return self.filter(created_at__lte=_moment(day, datetime.time.max, zone))

    def with_correction(self) -> Self:
        newest_first = models.Prefetch("corrections", Correction.objects.order_by("-id"))
        return self.prefetch_related(newest_first)

    def with_version(self) -> Self:
        """Join the versions' names, for lists: without images, and without cards, which are longer than the rest."""
        return self.without_images().select_related("model_version").defer("model_version__card")

    def without_images(self) -> Self:
        """Leave the images that rows hold in the database."""
        return self.defer("image_content")

    def for_archive(self) -> Self:
        """Load what an archive of images needs and nothing else, whatever was joined or left out before."""
        return self.select_related(None).defer(None).only("text", "image", "image_content")

    def delete(self) -> tuple[int, dict[str, int]]:
        """Delete rows, and subtract them from their owners' usage."""
        with transaction.atomic():
            # Locked, so that simultaneous deletions subtract each row once.
            mine = Prediction.objects.filter(pk__in=self.order_by().values("pk")).order_by("pk").select_for_update()
            rows = list(mine.only("owner", "visitor", "image", "image_bytes"))
            chosen = Prediction.objects.filter(pk__in=[row.pk for row in rows]).only("image")
            deleted = super(PredictionQuerySet, chosen).delete()
            for owner, sizes in sizes_by_owner(rows).items():
                Usage.objects.count_out(owner, sizes)
        return deleted

    def move(self, visitor: uuid.UUID, user: Any) -> int:
        """Move a visitor's predictions to the user who has logged in, all or none.

        If both used one Idempotency-Key, the user's prediction keeps it.
        """
        # Predictions that the visitor is deleting are not moved.
        erased = Erasure.objects.filter(visitor=visitor).aggregate(newest=models.Max("newest"))["newest"] or 0
        theirs = self.filter(visitor=visitor, pk__gt=erased)
        used = Prediction.objects.filter(owner=user).exclude(request_key="").values("request_key")
        with transaction.atomic():
            theirs.exclude(request_key="").filter(request_key__in=used).update(request_key="", request_sha256="")
            sizes = dict(theirs.order_by("pk").select_for_update().values_list("pk", "image_bytes"))
            moved = self.filter(pk__in=sizes).update(owner=user, visitor=None)
            counted = [size for size in sizes.values() if size is not None]
            Usage.objects.count_out((None, visitor), counted)
            Usage.objects.count_in((user.pk, None), counted)
        return moved


def _moment(day: datetime.date, time: datetime.time, zone: datetime.tzinfo) -> datetime.datetime:
    """Return a day's time in a zone, or the moment itself, in UTC."""
    moment = day if isinstance(day, datetime.datetime) else datetime.datetime.combine(day, time, tzinfo=zone)
    try:
        return moment.astimezone(datetime.UTC)
    except OverflowError:  # The first and last representable day overflow in other time zones.
        return moment.replace(tzinfo=datetime.UTC)


class Source(models.TextChoices):
    DRAW = "draw", gettext_lazy("drawn")
    UPLOAD = "upload", gettext_lazy("uploaded")
    API = "api", gettext_lazy("API")
    IMPORT = "import", gettext_lazy("imported")

    @classmethod
    def sent(cls) -> list[str]:
        """Sources that a request may name."""
        return [cls.DRAW, cls.UPLOAD, cls.API]


class Prediction(models.Model):
    """A stored reading with the picture it was read from, re-encoded from pixels."""

    # Indexes below start with this column.
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="predictions", db_index=False
    )
    visitor = models.UUIDField(null=True, blank=True, editable=False)
    source = models.CharField(max_length=6, choices=Source.choices)
    # Empty where the row holds the image.
    image = models.FileField(upload_to=image_file, blank=True)
    image_content = models.BinaryField(gettext_lazy("content of a small image; none: it is a file"), null=True)
    image_bytes = models.PositiveIntegerField(
        gettext_lazy("bytes of the image; none: not counted yet"), null=True, editable=False
    )
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    frames = models.BinaryField(gettext_lazy("frames of the digits, as a PNG strip"))
    text = models.CharField(max_length=MAX_TEXT_LENGTH)
    confidence = models.FloatField()
    digits = models.JSONField()
    ignored = models.JSONField(gettext_lazy("ignored marks"), default=list, blank=True)
    masked = models.BooleanField(
        gettext_lazy("whether the page network's mask selected the ink; none: unknown"), null=True, editable=False
    )
    # The index below starts with this column.
    model_version = models.ForeignKey(ModelVersion, models.PROTECT, related_name="predictions", db_index=False)
    filename = models.CharField(
        gettext_lazy("name of the file that was sent"),
        max_length=MAX_FILENAME_LENGTH,
        blank=True,
        default="",
        db_default="",
    )
    batch = models.BigIntegerField(gettext_lazy("number of the batch it came in"), null=True, editable=False)
    request_key = models.CharField(
        gettext_lazy("Idempotency-Key of the call"), max_length=MAX_KEY_LENGTH, blank=True, editable=False
    )
    request_sha256 = models.CharField(gettext_lazy("SHA-256 of the request"), max_length=64, blank=True, editable=False)
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
            models.Index(F("owner"), F("id").desc(), F("text"), name="prediction_of_owner_text"),
            models.Index(F("visitor"), F("id").desc(), name="prediction_of_visitor"),
            models.Index(F("created_at").desc(), F("id").desc(), name="prediction_by_time"),
            models.Index(F("source"), F("created_at").desc(), F("id").desc(), name="prediction_of_source"),
            models.Index(F("model_version"), F("created_at").desc(), F("id").desc(), name="prediction_of_version"),
            models.Index(F("confidence"), F("id").desc(), name="prediction_by_confidence"),
            models.Index(F("owner"), F("confidence"), F("id").desc(), name="prediction_of_owner_sureness"),
            models.Index(F("owner"), F("id").desc(), condition=Q(batch=None), name="prediction_outside_batches"),
            models.Index(F("batch"), F("id").desc(), condition=Q(batch__isnull=False), name="prediction_of_batch"),
            models.Index(F("text"), F("created_at").desc(), F("id").desc(), name="prediction_by_text"),
            models.Index(F("id"), condition=Q(image_bytes=None), name="prediction_not_counted"),
        ]

    def __str__(self) -> str:
        return f"{self.pk}: {self.one_line}"

    def get_absolute_url(self) -> str:
        return reverse("prediction", args=[self.pk])

    @property
    def pixels_decoded(self) -> int:
        """The number of pixels in memory while the picture is decoded."""
        return self.width * self.height * (WEBP_FACTOR if self.image_extension == "webp" else 1)

    @property
    def image_extension(self) -> str:
        """The image's kind: png, jpg or webp."""
        return str(self.image).rpartition(".")[2] or "png"

    def take_image(self, content: bytes, extension: str) -> None:
        """Take the image of a new prediction into its row if it is a small PNG; `save_images` saves others as files."""
        self.image_bytes = len(content)
        if extension == "png" and len(content) <= MAX_ROW_IMAGE:
            self.image_content = content
        else:
            self.image = ContentFile(content, f"page.{extension}")

    def open_image(self) -> "File[bytes]":
        """Open the image, in the row or in its file. Raises FileNotFoundError."""
        if self.image:
            return self.image.open("rb")
        try:
            content = self.image_content
        except Prediction.DoesNotExist:  # Loaded only now, and deleted meanwhile.
            content = None
        if content is None:
            raise FileNotFoundError(errno.ENOENT, "There is no image", f"prediction {self.pk}")
        return ContentFile(bytes(content))

    def insert(self) -> None:
        """Save this as a new row. Raises DatabaseError."""
        _PREDICTIONS.add([self])

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Delete this, and subtract it from its owner's usage."""
        return Prediction.objects.filter(pk=self.pk).delete()

    @property
    def sure(self) -> bool:
        """Whether the text can be relied on."""
        return self.confidence >= SURE_FROM

    @property
    def has_mask(self) -> bool:
        """Whether the mask has anything to show: on a canvas or a clean scan all ink is read."""
        return self.source != Source.DRAW and self.masked is not False

    @property
    def one_line(self) -> str:
        return self.text.replace("\n", " ")

    @cached_property
    def correction(self) -> "Correction | None":
        """The newest correction; costs no query after `with_correction()`."""
        newest = sorted(self.corrections.all(), key=lambda correction: -correction.pk)
        return newest[0] if newest else None

    def belongs_to(self, identity: Identity | None) -> bool:
        if identity is None:
            return False
        return self.visitor == identity.visitor if identity.user is None else self.owner_id == identity.user.pk

    def may_be_erased_by(self, identity: Identity | None) -> bool:
        """Return whether someone owns this, or is staff with the permission to delete; permission to view is not
        enough."""
        return self.belongs_to(identity) or (identity is not None and identity.may("recognizer.delete_prediction"))

    def may_be_flagged_by(self, identity: Identity | None) -> bool:
        """Return whether someone owns this, or is staff with a permission for corrections; viewing is not enough."""
        return self.belongs_to(identity) or (
            identity is not None
            and (identity.may("recognizer.review_corrections") or identity.may("recognizer.add_correction"))
        )

    def flag(self, text: str, by: Any = None) -> "Correction":
        """Correct this prediction; "" for no number. Replaces a correction not yet reviewed.

        The reading's own text confirms it, without a review unless reviewers have approved another text. A reviewer's
        correction of somebody else's picture counts as approved, unless somebody (other than an import) has corrected
        it. It is always a new row, so that a reviewer who decides on the old row cannot approve the new text.
        """
        with transaction.atomic():
            # Locked, so that simultaneous corrections follow one another.
            Prediction.objects.select_for_update().only("pk").get(pk=self.pk)
            unflagged = not self.corrections.exclude(imported=True).exists()
            self.corrections.unreviewed().delete()
            self.correction = self._add_correction(text, by, unflagged and self._is_labelled_by_a_reviewer(by))
        return self.correction

    def _add_correction(self, text: str, by: Any, reviewed: bool) -> "Correction":
        disputed = self.corrections.approved().exclude(text=self.text).exists()
        confirmed = text == self.text and not disputed
        state = Correction.State.CONFIRMED if confirmed else Correction.State.PENDING
        correction = Correction(prediction=self, text=text, flagged_by=by, state=state)
        if reviewed and not confirmed:
            correction.count_as_reviewed(by)
        correction.save()
        if correction.reviewed_by_id or correction.first_reviewer_id:
            record(Event.REVIEWED, correction, user=by, word=Correction.State.APPROVED)
        return correction

    def label(self, text: str, by: Any) -> "Correction | None":
        """Label this prediction as a reviewer, "" for no number.

        A pending correction with the same text is approved, one with another text is rejected. Returns the correction
        with the label, or None if another reviewer must decide.
        """
        with transaction.atomic():
            Prediction.objects.select_for_update().only("pk").get(pk=self.pk)
            if self.owner_id == by.pk and another_reviewer_than(by):
                return None
            waits, known = self.corrections.pending().first(), self.corrections.labels().first()
            if waits is not None:
                if waits.text != text:
                    return waits.correct(text, by)
                return waits if waits.approve(by) else None
            if known is not None and known.text == text:
                return known
            return self._add_correction(text, by, reviewed=True)

    def _is_labelled_by_a_reviewer(self, by: Any) -> bool:
        return by is not None and self.owner_id != by.pk and by.has_perm("recognizer.review_corrections")

    def may_be_withdrawn_by(self, identity: Identity | None) -> bool:
        """Return whether the correction is the person's own, or they may delete anybody's."""
        correction = self.correction
        if correction is None or identity is None:
            return False
        return correction.is_by(identity) or identity.may("recognizer.delete_correction")

    def withdraw(self) -> bool:
        """Withdraw the correction. Returns False if there is none, or it has been reviewed."""
        with transaction.atomic():
            # Locked, so that a simultaneous review comes before or after.
            Prediction.objects.select_for_update().only("pk").get(pk=self.pk)
            _, deleted = self.corrections.unreviewed().delete()
        self.__dict__.pop("correction", None)
        self.__dict__.pop("_prefetched_objects_cache", None)
        return bool(deleted)


delete_with_rows(Prediction, "image")
_PREDICTIONS = PreparedInsert(Prediction)


def sizes_by_owner(predictions: "Iterable[Prediction]") -> dict[Owner, list[int]]:
    """Sum image sizes by owner, in an order that is the same in all transactions."""
    sizes: dict[Owner, list[int]] = {}
    for prediction in predictions:
        if prediction.image_bytes is not None:
            sizes.setdefault((prediction.owner_id, prediction.visitor), []).append(prediction.image_bytes)
    return dict(sorted(sizes.items(), key=str))


class UsageQuerySet(models.QuerySet["Usage"]):
    def of(self, owner: Owner) -> Self:
        return self.filter(owner=owner[0], visitor=owner[1])

    def count_in(self, owner: Owner, sizes: list[int], room: "Room | None" = None) -> bool:
        """Add images to an owner's usage, in the transaction that stores them.

        room: the limit. Returns False, and adds nothing, if it would be exceeded. Exact for simultaneous calls.
        """
        if self._add(owner, sizes, room):
            return True
        with suppress(IntegrityError), transaction.atomic():
            # Ignores conflicts: another call may have created the row just now.
            self.create(owner_id=owner[0], visitor=owner[1])
        return self._add(owner, sizes, room)

    def _add(self, owner: Owner, sizes: list[int], room: "Room | None") -> bool:
        connection = connections[self.db]
        column: Any = Usage._meta.get_field("visitor" if owner[0] is None else "owner")
        key = column.get_db_prep_value(owner[0] or owner[1], connection)
        added = [len(sizes), sum(sizes)]
        most = [room.predictions, room.image_bytes] if room else [0, 0]
        with connection.cursor() as cursor:
            # The same statement by the ORM takes ten times as long.
            cursor.execute(
                "UPDATE recognizer_usage SET predictions = predictions + %s, image_bytes = image_bytes + %s "  # noqa: S608
                f"WHERE {column.column} = %s AND predictions <= %s AND image_bytes <= %s",
                [*added, key, *((limit or NO_LIMIT) - more for limit, more in zip(most, added, strict=True))],
            )
            return bool(cursor.rowcount)

    def used_by(self, owner: Owner) -> "Usage":
        """Return an owner's usage; zero if none is recorded yet."""
        user, visitor = owner
        return (_OF_VISITOR.row(visitor) if user is None else _OF_USER.row(user)) or Usage()

    def count_out(self, owner: Owner, sizes: list[int]) -> None:
        """Subtract images from an owner's usage."""
        self.of(owner).update(
            predictions=Greatest(F("predictions") - len(sizes), 0),
            image_bytes=Greatest(F("image_bytes") - sum(sizes), 0),
        )

    def touch(self, visitor: uuid.UUID) -> None:
        """Record that a visitor was here today."""
        self.filter(visitor=visitor).update(seen_on=today())


class Usage(models.Model):
    """Stored data of one owner, updated with each change; for a visitor also the day of the last visit."""

    owner = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="usage")
    visitor = models.UUIDField(null=True, unique=True)
    predictions = models.PositiveIntegerField(default=0)
    image_bytes = models.PositiveBigIntegerField(gettext_lazy("bytes of the images"), default=0)
    seen_on = models.DateField(default=today)

    objects = UsageQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(owner__isnull=False, visitor__isnull=True) | Q(owner__isnull=True, visitor__isnull=False),
                name="usage_has_one_owner",
            )
        ]
        indexes = [models.Index(fields=["seen_on"], condition=Q(owner=None), name="usage_by_last_visit")]

    def __str__(self) -> str:
        return f"{self.predictions} predictions of {self.owner or 'a visitor'}"


_OF_USER, _OF_VISITOR = Prepared(Usage, "owner"), Prepared(Usage, "visitor")


class ErasureQuerySet(LeasedQuerySet["Erasure"]):
    def of(self, identity: Identity | None) -> Self:
        if identity is None:
            return self.none()
        if identity.user is not None:
            return self.filter(owner=identity.user)
        return self.filter(visitor=identity.visitor)

    def queue(self, identity: Identity, with_account: bool = False) -> "Erasure":
        """Queue the deletion of what an owner has now. Later predictions stay, unless the account is deleted too."""
        mine = Prediction.objects.of(identity)
        return self.create(
            owner=identity.user,
            visitor=identity.visitor,
            newest=mine.aggregate(newest=models.Max("pk"))["newest"] or 0,
            total=mine.count(),
            with_account=with_account,
        )

    def take(self) -> "Erasure | None":
        """Lease the oldest free erasure."""
        with transaction.atomic():
            erasure = self.order_by("pk").lock_free()
            if erasure is not None:
                erasure.take_lease()
        return erasure


class Erasure(Leased):
    """A history that a worker is deleting: an owner's predictions up to the newest at the request.

    with_account: also delete the account with all its other data.
    """

    lease = datetime.timedelta(seconds=30)

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="erasures")
    visitor = models.UUIDField(null=True, blank=True, editable=False, db_index=True)
    newest = models.BigIntegerField(gettext_lazy("id of the newest prediction to erase"))
    total = models.PositiveIntegerField(gettext_lazy("predictions to erase"))
    done = models.PositiveIntegerField(gettext_lazy("predictions erased"), default=0)
    with_account = models.BooleanField(gettext_lazy("delete the account too"), default=False, db_default=False)
    created_at = models.DateTimeField(default=timezone.now)

    objects = ErasureQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(owner__isnull=False, visitor__isnull=True) | Q(owner__isnull=True, visitor__isnull=False),
                name="erasure_has_one_owner",
            )
        ]

    def __str__(self) -> str:
        return f"erasure {self.pk}"

    @property
    def predictions(self) -> PredictionQuerySet:
        """The predictions left to delete."""
        theirs = Prediction.objects.filter(owner=self.owner_id, visitor=self.visitor)
        return theirs if self.with_account else theirs.filter(pk__lte=self.newest)

    @property
    def in_words(self) -> str:
        if not self.lease_until:
            return gettext("Waiting for a worker")
        return gettext("%(done)s of %(total)s erased") % {"done": grouped(self.done), "total": grouped(self.total)}


class CorrectionQuerySet(models.QuerySet["Correction"]):
    def with_prediction(self) -> Self:
        """Join the predictions, without the images that rows hold."""
        return self.select_related("prediction").defer("prediction__image_content")

    def pending(self) -> Self:
        return self.filter(state=Correction.State.PENDING)

    def approved(self) -> Self:
        return self.filter(state=Correction.State.APPROVED)

    def unreviewed(self) -> Self:
        """Filter corrections without a decision: pending ones, and confirmations."""
        return self.filter(state__in=[Correction.State.PENDING, Correction.State.CONFIRMED])

    def reviewed(self) -> Self:
        return self.filter(state__in=[Correction.State.APPROVED, Correction.State.REJECTED])

    def labels(self) -> Self:
        """Filter accepted corrections: approved ones, and confirmations."""
        return self.filter(state__in=[Correction.State.APPROVED, Correction.State.CONFIRMED])

    def waiting_for(self, reviewer: Any) -> Self:
        """Filter what a reviewer can decide: pending corrections, without those this reviewer has approved or may not
        decide."""
        waiting = self.pending().exclude(first_reviewer=reviewer)
        if not another_reviewer_than(reviewer):
            return waiting
        own = Q(flagged_by=reviewer) | Q(prediction__owner=reviewer)
        return waiting.exclude(pk__in=Correction.objects.pending().filter(own).values("pk"))

    def decided_by(self, reviewer: Any) -> Self:
        """Filter what a reviewer has decided, or approved as the first of two, latest first."""
        alone = Q(reviewed_by=reviewer)
        first = Q(first_reviewer=reviewer, state=Correction.State.PENDING)
        decided_at = models.Case(models.When(alone, then="reviewed_at"), default="first_reviewed_at")
        # Imports were not decided in the queue.
        return self.filter(alone | first, imported=False).annotate(decided_at=decided_at).order_by("-decided_at", "-id")


def another_reviewer_than(user: Any) -> bool:
    """Return whether anybody else can review corrections."""
    reviewers: Any = get_user_model().objects
    others = reviewers.with_perm("recognizer.review_corrections", backend="django.contrib.auth.backends.ModelBackend")
    return bool(others.exclude(pk=user.pk).exists())


class Correction(models.Model):
    """A user's correction of a prediction, and its review."""

    class State(models.TextChoices):
        PENDING = "pending", gettext_lazy("Pending")
        APPROVED = "approved", gettext_lazy("Approved")
        REJECTED = "rejected", gettext_lazy("Rejected")
        CONFIRMED = "confirmed", gettext_lazy("Confirmed")

    prediction = models.ForeignKey(Prediction, models.CASCADE, related_name="corrections")
    text = models.CharField(
        max_length=MAX_TEXT_LENGTH, blank=True, validators=[NUMBER], help_text=gettext_lazy("empty: no number here")
    )
    labels = models.JSONField(gettext_lazy("label of each box"), null=True, blank=True)
    state = models.CharField(max_length=9, choices=State.choices, default=State.PENDING)
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
    imported = models.BooleanField(gettext_lazy("imported by staff"), default=False)
    writer = models.CharField(gettext_lazy("writer, if the import names one"), max_length=100, blank=True)

    objects = CorrectionQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        permissions = [("review_corrections", gettext_noop("Can review corrections"))]
        constraints = [
            models.UniqueConstraint(
                fields=["prediction"],
                condition=Q(state="pending"),
                name="one_pending_correction_a_prediction",
            )
        ]

    def __str__(self) -> str:
        return gettext("%(reading)s is %(text)s") % {"reading": self.prediction.one_line, "text": self.one_line}

    @property
    def one_line(self) -> str:
        return self.text.replace("\n", " ") or gettext("no number")

    def is_by(self, identity: Identity | None) -> bool:
        """Return whether a person made this correction: as a user, or as a visitor on their own picture."""
        if identity is None:
            return False
        if self.flagged_by_id is not None:
            return identity.user is not None and self.flagged_by_id == identity.user.pk
        return self.prediction.belongs_to(identity)

    @property
    def is_unreviewed(self) -> bool:
        return self.state in (self.State.PENDING, self.State.CONFIRMED)

    @property
    def is_open(self) -> bool:
        """Whether its owner may still say otherwise on the card: no reviewer has decided it."""
        return self.is_unreviewed or self.imported

    @property
    def needs_two(self) -> bool:
        """Whether the correction contradicts a very sure network, so that two reviewers must approve."""
        return self.text != self.prediction.text and self.prediction.confidence >= settings.SECOND_REVIEW_ABOVE

    @property
    def box_labels(self) -> list[int] | None:
        """The true label of each box, 10 for no digit; None if the correction does not say.

        A reviewer's labels come first. Otherwise the correction must have as many digits as there are boxes, or none.
        """
        boxes = len(self.prediction.digits)
        if self.labels is not None:
            return self.labels
        if not self.text:
            return [NOT_A_DIGIT] * boxes
        labels = [int(digit) for digit in self.text if digit != "\n"]
        return labels if len(labels) == boxes else None

    def may_be_approved_by(self, reviewer: Any) -> bool:
        """Return whether a reviewer may approve. Their own correction, or one of their own picture, only if nobody else
        can."""
        own = reviewer.pk in (self.flagged_by_id, self.prediction.owner_id)
        return not (own and another_reviewer_than(reviewer))

    def approve(self, by: Any, labels: list[int] | None = None) -> bool:
        """Approve the correction, with labels for its boxes if the reviewer gave some.

        If two must approve and `by` is no superuser, it stays pending after the first. Returns False if it was reviewed
        or replaced before, if this reviewer is the first one already, or if another reviewer has to decide.
        """
        if not self.may_be_approved_by(by):
            return False
        fixed = {} if labels is None else {"labels": labels}
        if self.needs_two and self.first_reviewer_id is None and not by.is_superuser:
            return self._decide(fixed | {"first_reviewer": by, "first_reviewed_at": timezone.now()}, by)
        return self._decide(fixed | self._word(self.State.APPROVED, by), by)

    def count_as_reviewed(self, by: Any) -> None:
        """Approve a new correction by the reviewer who makes it; as the first of two if two must approve."""
        if self.needs_two and not by.is_superuser:
            self.first_reviewer, self.first_reviewed_at = by, timezone.now()
        else:
            self.state, self.reviewed_by, self.reviewed_at = self.State.APPROVED, by, timezone.now()

    def reject(self, by: Any) -> bool:
        """Reject the correction. Returns False as `approve` does."""
        return self._decide(self._word(self.State.REJECTED, by), by)

    def correct(self, text: str, by: Any, labels: list[int] | None = None) -> "Correction | None":
        """Reject this correction, and add the reviewer's own with another text, "" for no number.

        Returns the reviewer's correction, or None in the cases in which `approve` returns False.
        """
        if not self.may_be_approved_by(by):
            return None
        with transaction.atomic():
            if not self.reject(by):
                return None
            correction = Correction(prediction=self.prediction, text=text, labels=labels, flagged_by=by)
            correction.count_as_reviewed(by)
            correction.save()
            record(Event.REVIEWED, correction, user=by, word=Correction.State.APPROVED)
        return correction

    def reopen(self, by: Any) -> bool:
        """Undo one's own decision, and its labels unless another reviewer agreed to them.

        If the reviewer's own correction replaced another one, that one is pending again. Returns False if another
        reviewer decided, or if a newer correction is pending.
        """
        with transaction.atomic():
            again = self._replaced(by) or self
            if again is not self:
                self.delete()
            done = again._take_back(by)
            if done:
                record(Event.REVIEWED, again, user=by, word="taken back")
            else:
                transaction.set_rollback(True)
        return done

    def take_back(self, by: Any) -> bool:
        """Undo one's own label: delete the correction if nobody else had a part in it, otherwise `reopen` it.

        Returns False if another reviewer decided.
        """
        word = self.first_reviewer_id if self.state == self.State.PENDING else self.reviewed_by_id
        alone = word in (None, by.pk) and self.first_reviewer_id in (None, by.pk)
        if self.flagged_by_id != by.pk or not alone or self._replaced(by) is not None:
            return self.reopen(by)
        with transaction.atomic():
            record(Event.REVIEWED, self, user=by, word="taken back")
            self.delete()
        return True

    def _replaced(self, by: Any) -> "Correction | None":
        """Return the correction that a reviewer rejected and replaced by this one."""
        word = self.first_reviewer_id if self.state == self.State.PENDING else self.reviewed_by_id
        if by.pk != self.flagged_by_id or by.pk != word:
            return None
        rejected = Correction.objects.filter(state=self.State.REJECTED, reviewed_by=by)
        return rejected.filter(prediction=self.prediction_id, pk__lt=self.pk).first()

    def _take_back(self, by: Any) -> bool:
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
        pending = Correction.objects.pending().filter(pk=self.pk, first_reviewer=self.first_reviewer_id)
        if self.first_reviewer_id == by.pk:
            return False
        with transaction.atomic():
            if not pending.update(**word):
                return False
            state = word.get("state", self.State.APPROVED)
            record(Event.REVIEWED, self, user=by, word=state, **({} if "state" in word else {"of": "two"}))
        for name, value in word.items():
            setattr(self, name, value)
        return True


class SampleQuerySet(models.QuerySet["Sample"]):
    def waiting_for(self, reviewer: Any) -> Self:
        """Filter unlabelled predictions of the sample that a reviewer may label, in the order drawn."""
        waiting = self.filter(answered_at=None, prediction__isnull=False).order_by("pk")
        return waiting.exclude(prediction__owner=reviewer) if another_reviewer_than(reviewer) else waiting

    def draw(self, count: int) -> int:
        """Add random predictions that people sent, each with the same probability. Returns how many were added."""
        ids = Prediction.objects.aggregate(first=models.Min("pk"), last=models.Max("pk"))
        if ids["first"] is None:
            return 0
        left = Prediction.objects.sent().filter(sample=None)
        added = 0
        # Draw random ids, with or without a row: each row is equally likely, and the table need not be sorted.
        for _ in range(MAX_DRAWS):
            span = ids["last"] - ids["first"] + 1
            drawn = [ids["first"] + secrets.randbelow(span) for _ in range(DRAWN_AT_ONCE)]
            found = dict(left.filter(pk__in=drawn).values_list("pk", "model_version_id"))
            chosen = [pk for pk in dict.fromkeys(drawn) if pk in found][: count - added]
            self._add({pk: found[pk] for pk in chosen})
            added += len(chosen)
            if added == count:
                return added
        # Few rows are left, or the ids have large gaps.
        rest = dict(left.order_by("?").values_list("pk", "model_version_id")[: count - added])
        self._add(rest)
        return added + len(rest)

    def _add(self, versions: dict[int, int]) -> None:
        # Another reviewer may have drawn the same at the same time.
        rows = [self.model(prediction_id=pk, model_version_id=version) for pk, version in versions.items()]
        self.bulk_create(rows, ignore_conflicts=True)

    def answered(self) -> Self:
        """Filter entries known to be right or wrong, and annotate `was_right`. If two must review, both must agree."""
        approved = Correction.objects.approved().filter(prediction=models.OuterRef("prediction"))
        known = models.Case(
            models.When(right__isnull=False, then="right"),
            models.When(models.Exists(approved.exclude(text=models.OuterRef("prediction__text"))), then=False),
            models.When(answer__state=Correction.State.REJECTED, then=True),
            output_field=models.BooleanField(null=True),
        )
        return self.annotate(was_right=known).filter(was_right__isnull=False)

    def answer_counts(self) -> dict[tuple[int, bool], int]:
        """Count the answered entries by version and by whether the reading was right."""
        known = self.answered().order_by().values("model_version", "was_right").annotate(count=models.Count("pk"))
        return {(row["model_version"], row["was_right"]): row["count"] for row in known}


DRAWN_AT_ONCE, MAX_DRAWS = 200, 20
"""Ids drawn for one query, and largest number of queries."""


class Sample(models.Model):
    """A prediction drawn at random, and whether it was right. Measures accuracy without bias.

    The row has no personal data, and stays when the prediction is deleted.
    """

    prediction = models.OneToOneField(Prediction, models.SET_NULL, null=True, related_name="sample")
    model_version = models.ForeignKey(ModelVersion, models.CASCADE, related_name="+")
    drawn_at = models.DateTimeField(default=timezone.now)
    answer = models.ForeignKey(Correction, models.SET_NULL, null=True, related_name="+")
    answered_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    answered_at = models.DateTimeField(null=True)
    right = models.BooleanField(gettext_lazy("whether the reading was right; none: not known yet"), null=True)

    objects = SampleQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["id"], condition=Q(answered_at=None), name="sample_not_answered")]

    def __str__(self) -> str:
        return f"sample {self.pk}"
