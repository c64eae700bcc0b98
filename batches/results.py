"""The results of a batch, one line for each picture, in the order sent."""

import json
from collections.abc import Iterable, Iterator

from core import csv

from .models import Item

COLUMNS = ("number", "file", "text", "confidence", "sure", "reason", "prediction", "model_version")


def json_lines(items: Iterable[Item]) -> Iterator[str]:
    for item in items:
        yield json.dumps(item.as_json()) + "\n"


def csv_lines(items: Iterable[Item]) -> Iterator[str]:
    """Yield the lines of a CSV file, headings first."""
    results = (item.as_json() for item in items)
    rows = (row | {"text": csv.digits(row["text"])} for row in results)
    return csv.lines(COLUMNS, ([row[name] for name in COLUMNS] for row in rows))
