"""Prepared queries: for one row, compiling the SQL takes Django longer than the database takes to answer."""

from copy import copy
from typing import Any, Generic, TypeVar

from django.db import connections, models
from django.db.models.expressions import RawSQL
from django.db.models.query import ModelIterable

Row = TypeVar("Row", bound=models.Model)


class Prepared(Generic[Row]):
    """A query for one row by a unique column, compiled once. It selects what the model's manager selects."""

    def __init__(self, model: type[Row], column: str) -> None:
        self.model, self.column = model, column
        self._written: dict[str, tuple[Any, str]] = {}

    def row(self, value: Any) -> Row | None:
        """Return the row with a value in the column, or None. Raises DatabaseError."""
        queryset: Any = self.model._default_manager.all()
        connection = connections[queryset.db]
        column: Any = self.model._meta.get_field(self.column)
        written, sql = self._written.get(connection.vendor) or self._compile(queryset, connection)
        compiler = copy(written)
        compiler.connection = connection
        compiler.as_sql = lambda *_, **__: (sql, [column.get_db_prep_value(value, connection)])
        queryset.query.get_compiler = lambda *_, **__: compiler
        return next(iter(ModelIterable(queryset)), None)

    def _compile(self, queryset: Any, connection: Any) -> tuple[Any, str]:
        asked = queryset.filter(**{self.column: RawSQL("%s", [None])}).order_by()
        compiler = asked.query.get_compiler(connection=connection)
        self._written[connection.vendor] = compiler, compiler.as_sql()[0]
        return self._written[connection.vendor]
