"""Export predictions: a CSV table, and pictures with their labels."""

import json
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from threading import BoundedSemaphore, Lock
from typing import IO, Any
from weakref import WeakValueDictionary

from django.http import FileResponse, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.utils.translation import gettext

from core import csv
from core.fair_semaphore import at_work
from keys.models import Key

from .identity import Owner, identity_of
from .models import Correction, Prediction, PredictionQuerySet
from .responses import unavailable

MAX_PACKING = 2
"""Archives that a process packs at once; each holds one of 8 threads, but not the semaphore of those at work."""

CHUNK = 500
"""Predictions in memory at a time."""

_packing = BoundedSemaphore(MAX_PACKING)
_lock = Lock()
_archives: "WeakValueDictionary[Owner, IO[bytes]]" = WeakValueDictionary()
"""The newest archive of each owner."""

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
    "filename",
)


def prediction_lines(predictions: Iterable[Prediction]) -> Iterator[str]:
    """Yield the lines of a CSV file, headings first."""
    return csv.lines(COLUMNS, map(_row, predictions))


def predictions_table(predictions: PredictionQuerySet) -> StreamingHttpResponse:
    """Return predictions as a CSV file to download."""
    return StreamingHttpResponse(
        prediction_lines(predictions.iterator(chunk_size=CHUNK)),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="predictions.csv"'},
    )


def _row(prediction: Prediction) -> list[Any]:
    correction = prediction.correction
    return [
        prediction.pk,
        prediction.created_at.isoformat(),
        str(prediction.owner or ""),
        prediction.source,
        csv.digits(prediction.text),
        prediction.confidence,
        str(prediction.model_version),
        csv.digits(correction.text) if correction else "",
        correction.state if correction else "",
        prediction.filename,
    ]


KEY_COLUMNS = ("name", "token_starts_with", "scopes", "sites", "calls_a_minute", "made", "expires", "last_used")


def key_lines(keys: Iterable[Key]) -> Iterator[str]:
    """Yield the lines of a CSV file of keys, headings first. Tokens are not included."""
    return csv.lines(KEY_COLUMNS, map(_key_row, keys))


def _key_row(key: Key) -> list[Any]:
    moments = [at.isoformat() if at else "" for at in (key.created_at, key.expires_at, key.last_used_at)]
    sites = " ".join(map(str, key.origins.all()))
    return [key.name, key.start, " ".join(key.scopes), sites, key.limit or "", *moments]


def download(request: HttpRequest, pack: Callable[[IO[bytes]], None], filename: str) -> HttpResponseBase:
    """Send an archive, packed into a temporary file.

    An owner gets one at a time from each process, since each takes as much disk as everything the owner stored.
    """
    identity = identity_of(request)
    owner = identity.owner if identity else (None, None)
    # The response that sends it closes it.
    file = tempfile.TemporaryFile()  # noqa: SIM115
    with _lock:
        other = _archives.get(owner)
        if (other and not other.closed) or not _packing.acquire(blocking=False):
            file.close()
            return unavailable(gettext("Another download is not finished. Try again in a moment."))
        _archives[owner] = file
    with at_work.pause():
        try:
            pack(file)
        except BaseException:
            file.close()
            raise
        finally:
            _packing.release()
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename=filename)


def images_zip(predictions: PredictionQuerySet, file: IO[bytes]) -> None:
    """Pack images with `labels.json`: {file: {"text"}}, the approved correction if there is one, else the reading.

    predictions: with their corrections. Missing images are left out.
    """
    labels: dict[str, dict[str, str]] = {}
    # Images are already compressed.
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for prediction in predictions.for_archive().iterator(chunk_size=CHUNK):
            name = f"{prediction.pk}.{prediction.image_extension}"
            try:
                with prediction.open_image() as image:
                    archive.writestr(name, image.read())
            except FileNotFoundError:
                continue
            labels[name] = {"text": best_known_text(prediction)}
        archive.writestr("labels.json", json.dumps(labels, indent=1))


def archive(predictions: PredictionQuerySet, keys: Iterable[Key] | None, file: IO[bytes]) -> None:
    """Pack images, their labels, `predictions.csv` with all their fields, and a user's `keys.csv`.

    predictions: with owners, versions and corrections.
    """
    images_zip(predictions, file)
    with zipfile.ZipFile(file, "a") as packed:
        packed.writestr("predictions.csv", "".join(prediction_lines(predictions.iterator(chunk_size=CHUNK))))
        if keys is not None:
            packed.writestr("keys.csv", "".join(key_lines(keys)))


def best_known_text(prediction: Prediction) -> str:
    """Return the newest approved correction, or the reading if there is none."""
    approved = [c for c in prediction.corrections.all() if c.state == Correction.State.APPROVED]
    return max(approved, key=lambda c: c.pk).text if approved else prediction.text
