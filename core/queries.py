"""Prepared queries: for few rows, preparing the query takes Django longer than the database takes to answer."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Generic, NamedTuple, TypeVar

from django.db import connections, models
from django.db.models.expressions import RawSQL
from django.db.models.query import get_related_populators

Row = TypeVar("Row", bound=models.Model)


class _Written(NamedTuple):
    """A query's SQL, and how its answer becomes a row. converters: (column, function, expression)."""

    sql: str
    converters: list[tuple[int, Any, Any]]
    names: list[str]
    related: list[Any]


class Prepared(Generic[Row]):
    """A query for one row by a unique column, compiled once. It selects what the model's manager selects."""

    def __init__(self, model: type[Row], column: str) -> None:
        self.model, self.column = model, column
        self._written: dict[str, _Written] = {}

    def row(self, value: Any) -> Row | None:
        """Return the row with a value in the column, or None. Raises DatabaseError."""
        database = self.model._default_manager.db
        connection = connections[database]
        column: Any = self.model._meta.get_field(self.column)
        written = self._written.get(database) or self._compile(connection)
        with connection.cursor() as cursor:
            cursor.execute(written.sql, [column.get_db_prep_value(value, connection)])
            found = cursor.fetchone()
        if found is None:
            return None
        values = list(found)
        for place, convert, expression in written.converters:
            values[place] = convert(values[place], expression, connection)
        row = self.model.from_db(database, written.names, values[: len(written.names)])
        for related in written.related:
            related.populate(values, row)
        return row

    def _compile(self, connection: Any) -> _Written:
        queryset: Any = self.model._default_manager.all()
        asked = queryset.filter(**{self.column: RawSQL("%s", [None])}).order_by()
        compiler = asked.query.get_compiler(connection=connection)
        sql = compiler.as_sql()[0]
        columns = [column for column, _, _ in compiler.select]
        converters = [
            (place, convert, expression)
            for place, (converts, expression) in compiler.get_converters(columns).items()
            for convert in converts
        ]
        names = [columns[place].target.attname for place in compiler.klass_info["select_fields"]]
        # The stubs are of a later Django.
        related = get_related_populators(compiler.klass_info, compiler.select, connection.alias)  # type: ignore[call-arg]
        self._written[connection.alias] = _Written(sql, converters, names, related)
        return self._written[connection.alias]


class PreparedInsert(Generic[Row]):
    """The INSERT of new rows, compiled once. Unlike `save`, it sends no signals."""

    def __init__(self, model: type[Row]) -> None:
        self.model = model

    @cached_property
    def fields(self) -> list[Any]:
        return [field for field in self.model._meta.concrete_fields if not field.primary_key]

    @cached_property
    def parts(self) -> tuple[str, str, str]:
        """The INSERT up to its rows, one row, and what follows them."""
        meta: Any = self.model._meta
        columns = ", ".join(f'"{field.column}"' for field in self.fields)
        row = f"({', '.join(['%s'] * len(self.fields))})"
        return f'INSERT INTO "{meta.db_table}" ({columns}) VALUES ', row, f' RETURNING "{meta.pk.column}"'  # noqa: S608

    def add(self, rows: Sequence[Row]) -> None:
        """Insert rows, and set their primary keys. Raises DatabaseError."""
        database = self.model._default_manager.db
        connection = connections[database]
        size = connection.ops.bulk_batch_size(self.fields, rows) or 1
        for start in range(0, len(rows), size):
            self._add(rows[start : start + size], connection)

    def _add(self, rows: Sequence[Row], connection: Any) -> None:
        fields = [(field.pre_save, field.get_db_prep_save) for field in self.fields]
        values = [prepared(value(row, add=True), connection) for row in rows for value, prepared in fields]
        start, places, end = self.parts
        with connection.cursor() as cursor:
            cursor.execute(start + ", ".join([places] * len(rows)) + end, values)
            keys = cursor.fetchall()
        for row, (key,) in zip(rows, keys, strict=True):
            row.pk = key
            row._state.adding, row._state.db = False, connection.alias
