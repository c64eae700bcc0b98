"""What a batch came to, line by line in the order it was sent."""

import csv
import json
from collections.abc import Iterable, Iterator
from typing import Any

from recognizer.exports import Echo, harmless

from .models import Item

COLUMNS = ("number", "file", "text", "confidence", "reason", "prediction", "model_version")


def as_json(item: Item) -> dict[str, Any]:
    """Tell one picture as `manage.py recognize --json` does, with its place and its prediction."""
    prediction = item.prediction
    return {
        "number": item.number,
        "file": item.name,
        "text": prediction.text if prediction else "",
        "confidence": prediction.confidence if prediction else 0.0,
        "digits": prediction.digits if prediction else [],
        "reason": item.reason or None,
        "prediction": prediction.pk if prediction else None,
        "model_version": prediction.model_version.name if prediction else None,
    }


def json_lines(items: Iterable[Item]) -> Iterator[str]:
    for item in items:
        yield json.dumps(as_json(item)) + "\n"


def csv_lines(items: Iterable[Item]) -> Iterator[str]:
    """Yield the lines of a CSV file, headings first."""
    writer = csv.writer(Echo())
    yield writer.writerow(COLUMNS)
    for item in items:
        told = as_json(item)
        told |= {name: harmless(told[name] or "") for name in ("file", "text", "model_version", "reason")}
        yield writer.writerow([told[name] for name in COLUMNS])
