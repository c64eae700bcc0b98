from typing import Any

from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination


class NewestFirst(CursorPagination):
    """Pages by id: the ten-thousandth costs what the first does."""

    ordering = "-id"
    page_size = 20
    page_size_query_param = "page_size"
    max_page_size = 100

    def decode_cursor(self, request: Any) -> Any:
        cursor = super().decode_cursor(request)
        # A forged cursor may hold anything; ids are at most 19 digits.
        position = None if cursor is None or cursor.position is None else str(cursor.position)
        if position is not None and not (position.isascii() and position.isdigit() and len(position) <= 19):
            raise NotFound(self.invalid_cursor_message)
        return cursor
