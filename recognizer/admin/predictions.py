"""Predictions in the admin, read-only."""

from functools import partial
from typing import Any

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext, gettext_lazy

from core.admin import Facts, NewestRows, ReadOnly
from core.audit import record
from core.models import Event
from recognizer.admin.pictures import picture_of
from recognizer.exports import download, images_zip, predictions_table
from recognizer.models import Correction, Prediction, PredictionQuerySet
from recognizer.templatetags import wording


class FlaggedFilter(admin.SimpleListFilter):
    title = gettext_lazy("flagged")
    parameter_name = "flagged"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", gettext("Flagged")), ("no", gettext("Not flagged"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        if self.value() is None:
            return None
        assert isinstance(queryset, PredictionQuerySet)
        return queryset.flagged(self.value() == "yes")


class SurenessFilter(admin.SimpleListFilter):
    title = gettext_lazy("sureness")
    parameter_name = "sure"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", gettext("Sure")), ("no", gettext("Unsure"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        if self.value() is None:
            return None
        assert isinstance(queryset, PredictionQuerySet)
        return queryset.sure(self.value() == "yes")


class DigitFilter(admin.SimpleListFilter):
    title = gettext_lazy("digit")
    parameter_name = "digit"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(digit), str(digit)) for digit in range(10)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        if self.value() is None:
            return None
        assert isinstance(queryset, PredictionQuerySet)
        return queryset.containing_digit(str(self.value()))


class OwnerFilter(admin.SimpleListFilter):
    """Users or visitors, or one user: the list's links to owners say which."""

    title = gettext_lazy("owner")
    parameter_name = "owner"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        user = self._user()
        kinds = [("users", gettext("Users")), ("visitors", gettext("Visitors"))]
        return [*kinds, (str(user.pk), user.get_username())] if user else kinds

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        match self.value():
            case None:
                return None
            case "users":
                return queryset.filter(owner__isnull=False)
            case "visitors":
                return queryset.filter(owner=None)
        return queryset.filter(owner=self._user()) if self._user() else queryset.none()

    def _user(self) -> Any:
        value = self.value() or ""
        if not (value.isascii() and value.isdigit() and len(value) <= 18):
            return None
        return get_user_model().objects.filter(pk=int(value)).first()


class CorrectionFacts(Facts):
    model = Correction
    fields = ["corrected_text", "state", "flagged_by", "created_at", "reviewed_by", "reviewed_at"]

    @admin.display(description=gettext_lazy("corrected to"))
    def corrected_text(self, correction: Correction) -> str:
        address = reverse("admin:recognizer_correction_change", args=[correction.pk])
        return format_html('<a href="{}">{}</a>', address, correction.one_line)


@admin.register(Prediction)
class PredictionAdmin(ReadOnly, admin.ModelAdmin):
    list_display = [
        "thumbnail",
        "reading",
        "percent",
        "newest_correction",
        "source",
        "owner_name",
        "model_version",
        "created_at",
    ]
    list_display_links = ["thumbnail", "reading"]
    list_filter = ["source", FlaggedFilter, SurenessFilter, OwnerFilter, DigitFilter, "model_version"]
    list_per_page = 50
    date_hierarchy = "created_at"
    # Uses an index, as every filter does.
    ordering = ["-created_at"]
    paginator = NewestRows
    search_fields = ["text"]
    # Counting a million rows takes longer than showing fifty.
    show_full_result_count = False
    fields = [
        "picture",
        "reading",
        "percent",
        "odds",
        "source",
        "owner_name",
        "size",
        "model_version",
        "created_at",
    ]
    inlines = [CorrectionFacts]
    actions = ["export_csv", "export_images"]

    def get_queryset(self, request: HttpRequest) -> PredictionQuerySet:
        return Prediction.objects.with_version().select_related("owner").defer("frames").with_correction()

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """Search by a user's whole name, the first digits of a reading, or by id, each with an index."""
        term = search_term.strip()
        if not term:
            return queryset, False
        users: Any = get_user_model()
        owner = list(users.objects.filter(**{f"{users.USERNAME_FIELD}__iexact": term}).values_list("pk", flat=True))
        if not (term.isascii() and term.isdigit()):
            return queryset.filter(owner__in=owner), False
        matches = queryset.starting_with(term, most=1000) | queryset.filter(owner__in=owner)
        return (matches | queryset.filter(pk=int(term)) if len(term) <= 18 else matches), False

    @admin.display(description=gettext_lazy("picture"))
    def thumbnail(self, prediction: Prediction) -> str:
        return picture_of(prediction)

    @admin.display(description=gettext_lazy("picture"))
    def picture(self, prediction: Prediction) -> str:
        return picture_of(prediction, small=False)

    @admin.display(description=gettext_lazy("reading"), ordering="text")
    def reading(self, prediction: Prediction) -> str:
        return prediction.one_line

    @admin.display(description=gettext_lazy("confidence"), ordering="confidence")
    def percent(self, prediction: Prediction) -> str:
        return wording.percent(prediction.confidence)

    @admin.display(description=gettext_lazy("digits"))
    def odds(self, prediction: Prediction) -> str:
        return " · ".join(f"{digit['label']} ({wording.percent(digit['confidence'])})" for digit in prediction.digits)

    @admin.display(description=gettext_lazy("size"))
    def size(self, prediction: Prediction) -> str:
        return gettext("%(width)d × %(height)d pixels") % {"width": prediction.width, "height": prediction.height}

    @admin.display(description=gettext_lazy("correction"))
    def newest_correction(self, prediction: Prediction) -> str | None:
        correction = prediction.correction
        return f"{correction.one_line} ({correction.get_state_display()})" if correction else None

    @admin.display(description=gettext_lazy("owner"), ordering="owner")
    def owner_name(self, prediction: Prediction) -> str:
        if prediction.owner is None:
            return gettext("visitor")
        address = reverse("admin:recognizer_prediction_changelist")
        return format_html('<a href="{}?owner={}">{}</a>', address, prediction.owner_id, prediction.owner)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        record(Event.ERASED, "predictions", predictions=queryset.count())
        super().delete_queryset(request, queryset)

    @admin.action(description=gettext_lazy("Export the selection as CSV"))
    def export_csv(self, request: HttpRequest, predictions: PredictionQuerySet) -> HttpResponseBase:
        record(Event.EXPORTED, "predictions", predictions=predictions.count())
        return predictions_table(predictions.select_related("owner").with_version())

    @admin.action(description=gettext_lazy("Export the selection's images with labels"))
    def export_images(self, request: HttpRequest, predictions: PredictionQuerySet) -> HttpResponseBase:
        record(Event.EXPORTED, "pictures", predictions=predictions.count())
        return download(request, partial(images_zip, predictions), "predictions.zip")
