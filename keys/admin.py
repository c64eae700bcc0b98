"""Keys in the admin."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from core.admin import ReadOnly

from .models import Key


@admin.register(Key)
class KeyAdmin(ReadOnly, admin.ModelAdmin):
    """Keys of all users. Users create their own; staff can only revoke them."""

    facts = ["name", "user", "token", "may", "limit", "created_at", "expires_at", "last_used_at"]
    list_display = [*facts]
    list_select_related = ["user"]
    search_fields = ["name", "user__username", "secrets__token_key"]
    fields = [*facts]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Key]:
        return Key.objects.prefetch_related("secrets")

    @admin.display(description=gettext_lazy("token"))
    def token(self, key: Key) -> str:
        return f"{key.start}…"

    @admin.display(description=gettext_lazy("scopes"))
    def may(self, key: Key) -> str:
        return ", ".join(key.scopes)
