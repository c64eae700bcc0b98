"""Batches in the admin: read-only, except that they can be deleted."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from core.admin import ReadOnly
from recognizer.models import Source

from .lifecycle import erase_batch
from .models import Batch


@admin.register(Batch)
class BatchAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["__str__", "owner", "state", "total", "read", "refused", "created_at", "finished_at"]
    list_filter = ["state"]
    list_select_related = ["owner"]
    show_full_result_count = False
    fields = [
        "owner", "name", "how", "state", "total", "read", "refused", "error", "webhook",
        "created_at", "started_at", "finished_at",
    ]  # fmt: skip

    @admin.display(description=gettext_lazy("source"))
    def how(self, batch: Batch) -> str:
        return str(Source(batch.source).label)

    def delete_model(self, request: HttpRequest, obj: Batch) -> None:
        erase_batch(obj)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for batch in queryset:
            erase_batch(batch)
