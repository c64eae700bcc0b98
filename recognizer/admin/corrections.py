"""Corrections in the admin: a review queue."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext, gettext_lazy, ngettext

from core.admin import ReadOnly
from recognizer.admin.pictures import picture_of
from recognizer.models import Correction, CorrectionQuerySet


class StateFilter(admin.SimpleListFilter):
    """Filter by state; shows pending corrections by default."""

    title = gettext_lazy("state")
    parameter_name = "state"
    EVERY = "all"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        decided = [Correction.State.APPROVED, Correction.State.REJECTED, Correction.State.CONFIRMED]
        return [*((state.value, str(state.label)) for state in decided), (self.EVERY, gettext("All"))]

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
        "corrected_text",
        "state",
        "imported",
        "flagged_by",
        "created_at",
        "reviewed_by",
        "reviewed_at",
    ]
    list_display_links = ["thumbnail", "corrected_text"]
    list_filter = [StateFilter, "created_at"]
    list_per_page = 50
    ordering = ["id"]
    search_fields = ["text", "prediction__id__exact"]
    fields = [
        "picture",
        "reading",
        "corrected_text",
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

    def get_queryset(self, request: HttpRequest) -> CorrectionQuerySet:
        return Correction.objects.with_prediction().select_related("flagged_by", "reviewed_by")

    def has_review_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("recognizer.review_corrections")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_review_permission(request) or super().has_view_permission(request, obj)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_review_permission(request) or super().has_module_permission(request)

    @admin.display(description=gettext_lazy("picture"))
    def thumbnail(self, correction: Correction) -> str:
        return picture_of(correction.prediction, correction=correction)

    @admin.display(description=gettext_lazy("picture"))
    def picture(self, correction: Correction) -> str:
        return picture_of(correction.prediction, small=False, correction=correction)

    @admin.display(description=gettext_lazy("read as"))
    def reading(self, correction: Correction) -> str:
        return correction.prediction.one_line

    @admin.display(description=gettext_lazy("corrected to"), ordering="text")
    def corrected_text(self, correction: Correction) -> str:
        return correction.one_line

    @admin.display(description=gettext_lazy("used by"))
    def used_by(self, correction: Any) -> str:
        return ", ".join(str(run) for run in correction.runs.all()) or gettext("no run yet")

    @admin.action(description=gettext_lazy("Approve the selected corrections"), permissions=["review"])
    def approve(self, request: HttpRequest, corrections: CorrectionQuerySet) -> None:
        selected = list(corrections)
        done = [correction.approve(by=request.user) for correction in selected]
        halves = sum(
            agreed and correction.state == Correction.State.PENDING
            for agreed, correction in zip(done, selected, strict=True)
        )
        words = ngettext("%(number)d approved.", "%(number)d approved.", sum(done) - halves)
        self._review(request, done, words, halves)
        if halves:
            words = ngettext(
                "%(number)d more contradicts a very sure network: a second reviewer must approve it.",
                "%(number)d more contradict a very sure network: a second reviewer must approve them.",
                halves,
            )
            self.message_user(request, words % {"number": halves}, messages.WARNING)

    @admin.action(description=gettext_lazy("Reject the selected corrections"), permissions=["review"])
    def reject(self, request: HttpRequest, corrections: CorrectionQuerySet) -> None:
        done = [correction.reject(by=request.user) for correction in corrections]
        self._review(request, done, ngettext("%(number)d rejected.", "%(number)d rejected.", sum(done)))

    def _review(self, request: HttpRequest, done: list[bool], words: str, halves: int = 0) -> None:
        self.message_user(request, words % {"number": sum(done) - halves}, messages.SUCCESS)
        if not all(done):
            late = gettext("%(number)d unchanged: already reviewed or replaced, or only other reviewers may decide.")
            self.message_user(request, late % {"number": done.count(False)}, messages.WARNING)
