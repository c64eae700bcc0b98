"""Training runs in the admin, read-only. The dashboard starts, shows and cancels them."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext, gettext_lazy

from core.admin import ReadOnly

from .models import TrainingRun


@admin.register(TrainingRun)
class TrainingRunAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["__str__", "state", "doing", "watch", "taught", "held_out", "champion", "challenger", "created_at"]
    list_filter = ["state"]
    list_select_related = ["champion", "challenger"]
    fields = [
        "watch", "state", "doing", "error", "taught", "held_out", "snapshot_sha256", "champion", "challenger",
        "fence", "requested_by", "created_at", "started_at", "finished_at",
    ]  # fmt: skip

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        manages = request.user.has_perm("recognizer.manage_networks")
        return manages or super().has_view_permission(request, obj)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    @admin.display(description=gettext_lazy("progress"))
    def doing(self, run: TrainingRun) -> str:
        return run.in_words if run.is_active else ""

    @admin.display(description=gettext_lazy("progress and verdict"))
    def watch(self, run: TrainingRun) -> str:
        return format_html(
            '<a href="{}">{}</a>',
            reverse("training-run", args=[run.pk]),
            gettext("Watch") if run.is_active else gettext("Look"),
        )
