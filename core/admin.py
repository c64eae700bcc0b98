"""Parts of admin pages that several apps share."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets
from django.contrib.auth import get_user_model
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy

from . import csv
from .audit import record
from .models import AuditEntry, Event


class ReadOnly(admin.options.BaseModelAdmin):
    """Rows that record events. Nobody adds or edits them."""

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        names = flatten_fieldsets(self.fieldsets or []) or self.fields or [field.name for field in self.opts.fields]
        return [str(name) for name in names]


class Facts(ReadOnly, admin.TabularInline):
    """Related rows, as a plain table."""

    template = "admin/facts.html"
    extra = 0
    can_delete = False


class NewestRows(Paginator):
    """Pages over the newest rows only: counting and skipping more is slow, and filtering by date finds older ones."""

    MAX_ROWS = 10_000

    @cached_property
    def count(self) -> int:
        return min(self._found, self.MAX_ROWS)

    @property
    def is_cut(self) -> bool:
        return self._found > self.MAX_ROWS

    @cached_property
    def _found(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[: self.MAX_ROWS + 1].count())


AUDIT_COLUMNS = ("id", "at", "event", "user", "user_name", "key", "address", "target", "facts")


@admin.register(AuditEntry)
class AuditAdmin(ReadOnly, admin.ModelAdmin):
    """The audit log, to search and to download. Read-only."""

    list_display = ["at", "who", "event", "target", "about", "key_number", "address"]
    list_display_links = ["at"]
    list_filter = ["event"]
    list_per_page = 50
    date_hierarchy = "at"
    paginator = NewestRows
    show_full_result_count = False
    search_fields = ["user_name"]
    fields = ["at", "who", "user_number", "event", "target", "about", "key_number", "address"]
    actions = ["export_csv"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """Search entries by an exact name, address or target, each with an index."""
        term = search_term.strip()
        if not term:
            return queryset, False
        names = {f"{get_user_model().USERNAME_FIELD}__iexact": term}
        users = list(get_user_model().objects.filter(**names).values_list("pk", flat=True))
        return queryset.filter(Q(user_number__in=users) | Q(address=term) | Q(target=term)), False

    @admin.display(description=gettext_lazy("who"))
    def who(self, entry: AuditEntry) -> str:
        return entry.who

    @admin.display(description=gettext_lazy("facts"))
    def about(self, entry: AuditEntry) -> str:
        return entry.facts_in_words

    @admin.action(description=gettext_lazy("Export the selection as CSV"), permissions=["view"])
    def export_csv(self, request: HttpRequest, entries: QuerySet[AuditEntry]) -> HttpResponseBase:
        record(Event.EXPORTED, "audit log", entries=entries.count())
        return StreamingHttpResponse(
            csv.lines(AUDIT_COLUMNS, map(_audit_row, entries.iterator(chunk_size=500))),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="audit.csv"'},
        )


def _audit_row(entry: AuditEntry) -> list[Any]:
    who = [entry.user_number, entry.user_name, entry.key_number, entry.address]
    return [entry.pk, entry.at.isoformat(), entry.event, *who, entry.target, entry.facts_in_words]
