"""Keyset pagination: no count and no offset, so that all pages cost the same."""

import math
from dataclasses import dataclass

from django.db.models import Q

from .models import Prediction, PredictionQuerySet

PAGE = 24


@dataclass(frozen=True)
class Page:
    """A page of predictions; `newer` and `older` are cursors, or None at the ends."""

    predictions: list[Prediction]
    newer: str | None
    older: str | None


def page_of(
    predictions: PredictionQuerySet,
    before: str | None,
    after: str | None,
    least_sure_first: bool = False,
    size: int = PAGE,
) -> Page:
    """Return the page before or after a cursor; the first page without one or with an invalid one.

    Newest first, or lowest confidence first and then newest.
    """
    order = ("confidence", "-pk") if least_sure_first else ("-pk",)
    backwards = ("-confidence", "pk") if least_sure_first else ("pk",)
    if (start := _place(after, least_sure_first)) is not None:
        rows = list(predictions.filter(_above(*start)).order_by(*backwards)[: size + 1])
        more, page = len(rows) > size, rows[:size][::-1]
        return Page(
            page,
            place_of(page[0], least_sure_first) if more else None,
            place_of(page[-1], least_sure_first) if page else None,
        )
    start = _place(before, least_sure_first)
    below = predictions.filter(_below(*start)) if start is not None else predictions
    rows = list(below.order_by(*order)[: size + 1])
    page = rows[:size]
    newer = place_of(page[0], least_sure_first) if start is not None and page else None
    return Page(page, newer, place_of(page[-1], least_sure_first) if len(rows) > size else None)


def _below(pk: int, confidence: float | None) -> Q:
    if confidence is None:
        return Q(pk__lt=pk)
    # The first condition alone bounds what PostgreSQL reads of the index.
    return Q(confidence__gte=confidence) & (Q(confidence__gt=confidence) | Q(pk__lt=pk))


def _above(pk: int, confidence: float | None) -> Q:
    if confidence is None:
        return Q(pk__gt=pk)
    return Q(confidence__lte=confidence) & (Q(confidence__lt=confidence) | Q(pk__gt=pk))


def place_of(prediction: Prediction, least_sure_first: bool) -> str:
    """Return a prediction's place in an order, as `page_of` takes it."""
    return f"{prediction.pk}~{prediction.confidence!r}" if least_sure_first else str(prediction.pk)


def _place(value: str | None, least_sure_first: bool) -> tuple[int, float | None] | None:
    """Parse a cursor into id and confidence; None if it is invalid."""
    number, _, share = (value or "").partition("~")
    if not (number.isascii() and number.isdigit() and len(number) <= 18):
        return None
    if not least_sure_first:
        return int(number), None
    try:
        confidence = float(share)
    except ValueError:
        return None
    return (int(number), confidence) if math.isfinite(confidence) else None
