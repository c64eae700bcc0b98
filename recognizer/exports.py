"""Predictions on their way out: a table for spreadsheets, and pictures with their labels."""

import csv
import json
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from typing import IO

from keys.models import Key

from .models import Correction, Prediction

COLUMNS = (
    "id",
    "created_at",
    "owner",
    "source",
    "text",
    "confidence",
    "model_version",
    "correction",
    "correction_state",
)


def csv_lines(predictions: Iterable[Prediction]) -> Iterator[str]:
    """Yield the lines of a CSV file, headings first."""
    writer = csv.writer(Echo())
    yield writer.writerow(COLUMNS)
    for prediction in predictions:
        claim = prediction.correction
        yield writer.writerow(
            [
                prediction.pk,
                prediction.created_at.isoformat(),
                harmless(str(prediction.owner or "")),
                prediction.source,
                harmless(prediction.text),
                prediction.confidence,
                harmless(str(prediction.model_version)),
                harmless(claim.text) if claim else "",
                claim.state if claim else "",
            ]
        )


KEY_COLUMNS = ("name", "token_starts_with", "scopes", "calls_a_minute", "made", "expires", "last_used")


def key_lines(keys: Iterable[Key]) -> Iterator[str]:
    """Yield the lines of a CSV file of keys, headings first. Tokens are not known here."""
    writer = csv.writer(Echo())
    yield writer.writerow(KEY_COLUMNS)
    for key in keys:
        moments = [at.isoformat() if at else "" for at in (key.created_at, key.expires_at, key.last_used_at)]
        yield writer.writerow([harmless(key.name), key.start, " ".join(key.scopes), key.limit or "", *moments])


class Echo:
    """A file that hands each line back instead of keeping it."""

    def write(self, line: str) -> str:
        return line


def harmless(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else cell


def images_zip(predictions: Iterable[Prediction]) -> IO[bytes]:
    """Pack images with `labels.json`: {file: {"text"}}, the approved correction where there is one.

    Images that are gone are left out. Returns a temporary file at its start.
    """
    labels: dict[str, dict[str, str]] = {}
    file = tempfile.TemporaryFile()  # noqa: SIM115  # the response that sends it closes it
    # The images are compressed already.
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for prediction in predictions:
            name = f"{prediction.pk}.{str(prediction.image).rpartition('.')[2]}"
            try:
                with prediction.image.open("rb") as image:
                    archive.writestr(name, image.read())
            except FileNotFoundError:
                continue
            labels[name] = {"text": best_known_text(prediction)}
        archive.writestr("labels.json", json.dumps(labels, indent=1))
    file.seek(0)
    return file


def archive(predictions: Callable[[], Iterable[Prediction]], keys: Iterable[Key] | None) -> IO[bytes]:
    """Pack images, their labels, `predictions.csv` with all that is known of them, and a user's `keys.csv`.

    Asks for the predictions twice.
    """
    file = images_zip(predictions())
    with zipfile.ZipFile(file, "a") as packed:
        packed.writestr("predictions.csv", "".join(csv_lines(predictions())))
        if keys is not None:
            packed.writestr("keys.csv", "".join(key_lines(keys)))
    file.seek(0)
    return file


def best_known_text(prediction: Prediction) -> str:
    """Return the newest approved correction, or the reading where no one has corrected it."""
    approved = [c for c in prediction.corrections.all() if c.state == Correction.State.APPROVED]
    return max(approved, key=lambda c: c.pk).text if approved else prediction.text
