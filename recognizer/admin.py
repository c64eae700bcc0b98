"""What staff see: predictions as facts, corrections as a queue, versions of the network, people."""

import json
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import flatten_fieldsets
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import FileResponse, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import format_html

from keys.models import Key

from .exceptions import NoServingVersion
from .exports import csv_lines, images_zip
from .models import Correction, CorrectionQuerySet, ModelVersion, Prediction, PredictionQuerySet, Promotion
from .predictions import erase_predictions
from .serving import promote_version, serving_trouble
from .templatetags import wording

admin.site.site_header = admin.site.site_title = "Digit reader"
admin.site.index_title = "Administration"
# Seven kinds of rows fit on the index, and the lists need the room.
admin.site.enable_nav_sidebar = False


class ReadOnly(admin.options.BaseModelAdmin):
    """Rows that record what happened: nobody adds or edits them by hand."""

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        shown = flatten_fieldsets(self.fieldsets or []) or self.fields or [field.name for field in self.opts.fields]
        return [str(name) for name in shown]


def picture_of(prediction: Prediction, small: bool = True) -> str:
    """Show a prediction's image as large as fits, in the size it will have before it is there."""
    width, height = (112, 56) if small else (640, 400)
    scale = min(width / prediction.width, height / prediction.height)
    return format_html(
        '<img class="picture" src="{}{}" alt="{}" width="{}" height="{}" loading="lazy">',
        reverse("api:predictions-image", args=[prediction.pk]),
        "?size=thumb" if small else "",
        f"picture of prediction {prediction.pk}",
        round(scale * prediction.width),
        round(scale * prediction.height),
    )


class FlaggedFilter(admin.SimpleListFilter):
    title = "flagged"
    parameter_name = "flagged"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Flagged"), ("no", "Not flagged")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        if self.value() is None:
            return None
        assert isinstance(queryset, PredictionQuerySet)
        return queryset.flagged(self.value() == "yes")


class Facts(ReadOnly, admin.TabularInline):
    """Rows that belong to another, as a plain table."""

    template = "admin/facts.html"
    extra = 0
    can_delete = False


class CorrectionFacts(Facts):
    model = Correction
    fields = ["claim", "state", "flagged_by", "created_at", "reviewed_by", "reviewed_at"]

    @admin.display(description="really says")
    def claim(self, correction: Correction) -> str:
        address = reverse("admin:recognizer_correction_change", args=[correction.pk])
        return format_html('<a href="{}">{}</a>', address, correction.one_line)


class NewestRows(Paginator):
    """Pages of the newest rows only: to count and to skip more would cost more than to narrow the list by a date."""

    MOST = 10_000

    @cached_property
    def count(self) -> int:
        return min(self._found, self.MOST)

    @property
    def is_cut(self) -> bool:
        return self._found > self.MOST

    @cached_property
    def _found(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[: self.MOST + 1].count())


@admin.register(Prediction)
class PredictionAdmin(ReadOnly, admin.ModelAdmin):
    list_display = [
        "thumbnail",
        "reading",
        "percent",
        "newest_claim",
        "source",
        "owner_name",
        "model_version",
        "created_at",
    ]
    list_display_links = ["thumbnail", "reading"]
    list_filter = ["source", FlaggedFilter, "model_version"]
    list_per_page = 50
    date_hierarchy = "created_at"
    # By an index, as every filter is.
    ordering = ["-created_at"]
    paginator = NewestRows
    search_fields = ["text"]
    # Counting a million rows to say how many there are would cost more than showing fifty.
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
        """Find readings by their first digits, and one by its id; both from an index."""
        asked = search_term.strip()
        if not asked:
            return queryset, False
        if not (asked.isascii() and asked.isdigit()):
            return queryset.none(), False
        found = queryset.starting_with(asked, most=1000)
        return (found | queryset.filter(pk=int(asked)) if len(asked) <= 18 else found), False

    @admin.display(description="picture")
    def thumbnail(self, prediction: Prediction) -> str:
        return picture_of(prediction)

    @admin.display(description="picture")
    def picture(self, prediction: Prediction) -> str:
        return picture_of(prediction, small=False)

    @admin.display(description="reading", ordering="text")
    def reading(self, prediction: Prediction) -> str:
        return prediction.one_line

    @admin.display(description="confidence", ordering="confidence")
    def percent(self, prediction: Prediction) -> str:
        return wording.percent(prediction.confidence)

    @admin.display(description="digits")
    def odds(self, prediction: Prediction) -> str:
        return " · ".join(f"{digit['label']} ({wording.percent(digit['confidence'])})" for digit in prediction.digits)

    @admin.display
    def size(self, prediction: Prediction) -> str:
        return f"{prediction.width} × {prediction.height} pixels"

    @admin.display(description="correction")
    def newest_claim(self, prediction: Prediction) -> str | None:
        claim = prediction.correction
        return f"{claim.one_line} ({claim.get_state_display()})" if claim else None

    @admin.display(description="owner", ordering="owner")
    def owner_name(self, prediction: Prediction) -> str:
        return str(prediction.owner or "anonymous")

    def delete_model(self, request: HttpRequest, prediction: Prediction) -> None:
        erase_predictions(Prediction.objects.filter(pk=prediction.pk))

    def delete_queryset(self, request: HttpRequest, predictions: Any) -> None:
        erase_predictions(predictions)

    @admin.action(description="Export the selection as CSV")
    def export_csv(self, request: HttpRequest, predictions: PredictionQuerySet) -> HttpResponseBase:
        rows = predictions.select_related("owner").with_version().iterator(chunk_size=500)
        return StreamingHttpResponse(
            csv_lines(rows),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="predictions.csv"'},
        )

    @admin.action(description="Export the selection's images with labels")
    def export_images(self, request: HttpRequest, predictions: PredictionQuerySet) -> HttpResponseBase:
        packed = images_zip(predictions.iterator(chunk_size=500))
        return FileResponse(packed, as_attachment=True, filename="predictions.zip")


class StateFilter(admin.SimpleListFilter):
    """Shows what waits for a review unless asked for more."""

    title = "state"
    parameter_name = "state"
    EVERY = "all"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        decided = [Correction.State.APPROVED, Correction.State.REJECTED]
        return [*((state.value, str(state.label)) for state in decided), (self.EVERY, "All")]

    def choices(self, changelist: Any) -> Any:
        choices = iter(super().choices(changelist))
        yield next(choices) | {"display": Correction.State.PENDING.label}
        yield from choices

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        if self.value() == self.EVERY:
            return None
        return queryset.filter(state=self.value() or Correction.State.PENDING)


@admin.register(Correction)
class CorrectionAdmin(ReadOnly, admin.ModelAdmin):
    list_display = [
        "thumbnail",
        "reading",
        "claim",
        "state",
        "flagged_by",
        "created_at",
        "reviewed_by",
        "reviewed_at",
    ]
    list_display_links = ["thumbnail", "claim"]
    list_filter = [StateFilter, "created_at"]
    list_select_related = ["prediction", "flagged_by", "reviewed_by"]
    list_per_page = 50
    ordering = ["id"]
    search_fields = ["text", "prediction__id__exact"]
    fields = [
        "picture",
        "reading",
        "claim",
        "state",
        "flagged_by",
        "created_at",
        "first_reviewer",
        "reviewed_by",
        "reviewed_at",
        "imported",
        "writer",
        "labels",
        "used_by",
    ]
    actions = ["approve", "reject"]

    def has_review_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("recognizer.review_corrections")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_review_permission(request) or super().has_view_permission(request, obj)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_review_permission(request) or super().has_module_permission(request)

    @admin.display(description="picture")
    def thumbnail(self, correction: Correction) -> str:
        return picture_of(correction.prediction)

    @admin.display(description="picture")
    def picture(self, correction: Correction) -> str:
        return picture_of(correction.prediction, small=False)

    @admin.display(description="was read as")
    def reading(self, correction: Correction) -> str:
        return correction.prediction.one_line

    @admin.display(description="really says", ordering="text")
    def claim(self, correction: Correction) -> str:
        return correction.one_line

    @admin.display(description="used by")
    def used_by(self, correction: Any) -> str:
        return ", ".join(str(run) for run in correction.runs.all()) or "no run so far"

    @admin.action(description="Approve the selected corrections", permissions=["review"])
    def approve(self, request: HttpRequest, corrections: CorrectionQuerySet) -> None:
        claims = list(corrections)
        done = [claim.approve(by=request.user) for claim in claims]
        halves = sum(
            agreed and claim.state == Correction.State.PENDING for agreed, claim in zip(done, claims, strict=True)
        )
        self._review(request, done, "approved", halves)
        if halves:
            words = (
                f"{halves} more contradict{'s' if halves == 1 else ''} a very sure network: another reviewer must too."
            )
            self.message_user(request, words, messages.WARNING)

    @admin.action(description="Reject the selected corrections", permissions=["review"])
    def reject(self, request: HttpRequest, corrections: CorrectionQuerySet) -> None:
        self._review(request, [claim.reject(by=request.user) for claim in corrections], "rejected")

    def _review(self, request: HttpRequest, done: list[bool], verb: str, halves: int = 0) -> None:
        self.message_user(request, f"{sum(done) - halves} {verb}.", messages.SUCCESS)
        if not all(done):
            late = f"{done.count(False)} had been reviewed or replaced before and stay as they are."
            self.message_user(request, late, messages.WARNING)


class PromotionFacts(Facts):
    model = Promotion
    fields = ["promoted_at", "promoted_by"]


@admin.register(ModelVersion)
class ModelVersionAdmin(ReadOnly, admin.ModelAdmin):
    facts = ["name", "serves", "accuracy", "errors", "parameters", "shipped", "created_at"]
    list_display = [*facts]
    search_fields = ["name"]
    fieldsets = [
        (None, {"fields": [*facts, "keras_sha256", "litert_sha256"]}),
        ("Model card", {"fields": ["whole_card"], "classes": ["collapse"]}),
    ]
    inlines = [PromotionFacts]
    actions = ["promote"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ModelVersion]:
        return ModelVersion.objects.with_serving()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_promote_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("recognizer.manage_networks")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_promote_permission(request) or super().has_view_permission(request, obj)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_promote_permission(request) or super().has_module_permission(request)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        if serving_trouble():
            self.message_user(request, f"The version promoted last cannot serve: {serving_trouble()}.", messages.ERROR)
        return super().changelist_view(request, extra_context)

    @admin.display(boolean=True)
    def serves(self, version: Any) -> bool:
        return version.serves

    @admin.display(description="MNIST test accuracy")
    def accuracy(self, version: ModelVersion) -> str | None:
        return None if version.test_accuracy is None else f"{version.test_accuracy:.2%}"

    @admin.display(description="MNIST test errors")
    def errors(self, version: ModelVersion) -> int | None:
        return version.card.get("metrics", {}).get("test_errors")

    @admin.display
    def parameters(self, version: ModelVersion) -> str | None:
        count = version.card.get("network", {}).get("parameters")
        return None if count is None else f"{count:,}"

    @admin.display(description="as it was written")
    def whole_card(self, version: ModelVersion) -> str:
        return format_html("<pre>{}</pre>", json.dumps(version.card, indent=1))

    @admin.action(description="Promote the selected version", permissions=["promote"])
    def promote(self, request: HttpRequest, versions: QuerySet[ModelVersion]) -> None:
        chosen = list(versions)
        if len(chosen) != 1:
            self.message_user(request, "Select the one version that is to serve.", messages.ERROR)
            return
        try:
            promote_version(chosen[0], by=request.user)
        except NoServingVersion as error:
            self.message_user(request, f"Not promoted: {error}.", messages.ERROR)
            return
        self.message_user(request, f"{chosen[0]} serves from now on.", messages.SUCCESS)


class AccountAdmin(UserAdmin):
    """Users, whose pictures leave the disk together with them."""

    readonly_fields = ["last_login", "date_joined"]
    # Plain lists: what the admin puts in their place styles itself inline and cannot be told to screen readers.
    filter_horizontal = ()

    def delete_model(self, request: HttpRequest, user: Any) -> None:
        erase_predictions(Prediction.objects.filter(owner=user))
        super().delete_model(request, user)

    def delete_queryset(self, request: HttpRequest, users: Any) -> None:
        erase_predictions(Prediction.objects.filter(owner__in=users))
        super().delete_queryset(request, users)


admin.site.unregister(User)
admin.site.register(User, AccountAdmin)


@admin.register(Key)
class KeyAdmin(ReadOnly, admin.ModelAdmin):
    """Who holds keys. People make their own; staff can only revoke."""

    facts = ["name", "user", "token", "may", "limit", "created_at", "expires_at", "last_used_at"]
    list_display = [*facts]
    list_select_related = ["user"]
    search_fields = ["name", "user__username", "secrets__token_key"]
    fields = [*facts]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Key]:
        return Key.objects.prefetch_related("secrets")

    @admin.display
    def token(self, key: Key) -> str:
        return f"{key.start}…"

    @admin.display
    def may(self, key: Key) -> str:
        return ", ".join(key.scopes)
