"""Model versions in the admin."""

import json
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext, gettext_lazy

from core.admin import Facts, ReadOnly
from recognizer.exceptions import NoServingVersion
from recognizer.models import ModelVersion, Promotion
from recognizer.numbers import grouped, percentage
from recognizer.serving.cache import serving_trouble
from recognizer.serving.install import promote_version


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
        (gettext_lazy("Model card"), {"fields": ["whole_card"], "classes": ["collapse"]}),
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
            words = gettext("The last promoted version cannot be loaded. The log says why.")
            self.message_user(request, words, messages.ERROR)
        return super().changelist_view(request, extra_context)

    @admin.display(description=gettext_lazy("current"), boolean=True)
    def serves(self, version: Any) -> bool:
        return version.serves

    @admin.display(description=gettext_lazy("MNIST test accuracy"))
    def accuracy(self, version: ModelVersion) -> str | None:
        return None if version.test_accuracy is None else percentage(version.test_accuracy, 2)

    @admin.display(description=gettext_lazy("MNIST test errors"))
    def errors(self, version: ModelVersion) -> int | None:
        return version.card.get("metrics", {}).get("test_errors")

    @admin.display(description=gettext_lazy("parameters"))
    def parameters(self, version: ModelVersion) -> str | None:
        count = version.card.get("network", {}).get("parameters")
        return None if count is None else grouped(count)

    @admin.display(description=gettext_lazy("whole card"))
    def whole_card(self, version: ModelVersion) -> str:
        return format_html("<pre>{}</pre>", json.dumps(version.card, indent=1))

    @admin.action(description=gettext_lazy("Promote the selected version"), permissions=["promote"])
    def promote(self, request: HttpRequest, versions: QuerySet[ModelVersion]) -> None:
        chosen = list(versions)
        if len(chosen) != 1:
            self.message_user(request, gettext("Select exactly one version to promote."), messages.ERROR)
            return
        try:
            promote_version(chosen[0], by=request.user)
        except NoServingVersion as error:
            self.message_user(request, gettext("Not promoted: %(error)s.") % {"error": error}, messages.ERROR)
            return
        self.message_user(
            request, gettext("%(version)s is now the current version.") % {"version": chosen[0]}, messages.SUCCESS
        )
