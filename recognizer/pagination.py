"""Pages of a grid by id: never a count, never an offset, so that the last page costs what the first does."""

from dataclasses import dataclass

from .models import Prediction, PredictionQuerySet

PAGE = 24


@dataclass(frozen=True)
class Page:
    """Predictions newest first; newer and older are ids to go on from, or None at the ends."""

    predictions: list[Prediction]
    newer: int | None
    older: int | None


def page_of(predictions: PredictionQuerySet, before: str | None, after: str | None) -> Page:
    """Cut the page before (older than) or after (newer than) an id; the first page for neither or nonsense."""
    if (start := _id(after)) is not None:
        found = list(predictions.filter(pk__gt=start).order_by("pk")[: PAGE + 1])
        more, shown = len(found) > PAGE, found[:PAGE][::-1]
        return Page(shown, shown[0].pk if more else None, shown[-1].pk if shown else None)
    start = _id(before)
    older = predictions.filter(pk__lt=start) if start is not None else predictions
    found = list(older.order_by("-pk")[: PAGE + 1])
    shown = found[:PAGE]
    newer = shown[0].pk if start is not None and shown else None
    return Page(shown, newer, shown[-1].pk if len(found) > PAGE else None)


def _id(value: str | None) -> int | None:
    return int(value) if value and value.isascii() and value.isdigit() and len(value) <= 18 else None
