import re
from typing import Any

from django.utils.translation import gettext
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import CursorPagination


class NewestFirst(CursorPagination):
    """Cursor pages by descending id. Page 10,000 costs as much as page 1."""

    ordering = "-id"
    page_size = 20
    page_size_query_param = "page_size"
    max_page_size = 100

    def get_page_size(self, request: Any) -> int:
        size = request.query_params.get(self.page_size_query_param, str(self.page_size))
        if re.fullmatch("[0-9]{1,3}", size) and 1 <= int(size) <= self.max_page_size:
            return int(size)
        raise ValidationError(
            {
                self.page_size_query_param: [
                    gettext("Choose a number from 1 to %(number)d.") % {"number": self.max_page_size}
                ]
            }
        )

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        parameters = super().get_schema_operation_parameters(view)
        for parameter in parameters:
            if parameter["name"] == self.page_size_query_param:
                parameter["schema"] |= {"minimum": 1, "maximum": self.max_page_size, "default": self.page_size}
        return parameters

    def decode_cursor(self, request: Any) -> Any:
        cursor = super().decode_cursor(request)
        # A forged cursor may hold anything; ids are at most 19 digits.
        position = None if cursor is None or cursor.position is None else str(cursor.position)
        if position is not None and not (position.isascii() and position.isdigit() and len(position) <= 19):
            raise NotFound(self.invalid_cursor_message)
        return cursor
