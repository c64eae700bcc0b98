from typing import Any

from django.utils.translation import gettext
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request


class StrictFilters(DjangoFilterBackend):
    """Filter lists; refuse unknown and empty filters."""

    def filter_queryset(self, request: Request, queryset: Any, view: Any) -> Any:
        if view.detail:
            return queryset
        names = set(view.filterset_class.base_filters)
        paginator = view.paginator
        unknown = set(request.query_params) - names - {paginator.cursor_query_param, paginator.page_size_query_param}
        if unknown:
            raise ValidationError({min(unknown)[:40]: [gettext("Unknown filter.")]})
        if empty := {name for name in names if request.query_params.get(name) == ""}:
            raise ValidationError({name: [gettext("This filter is empty. Leave it out.")] for name in empty})
        return super().filter_queryset(request, queryset, view)
