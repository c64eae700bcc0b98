"""The current version's model card."""

import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_safe

from recognizer.figures import FRAME, confusion_rows, learning_charts, mistakes_in
from recognizer.models import ModelVersion
from recognizer.responses import picture


@require_safe
def about(request: HttpRequest) -> HttpResponse:
    version = ModelVersion.objects.serving()
    return render(request, "about.html", card_context(version) if version else {})


def card_context(version: ModelVersion) -> dict[str, Any]:
    """Return the page's context from a version's card. An imported version's card may lack any part."""
    card = version.card
    mistakes = mistakes_in(card) if version.mistakes else []
    return {
        "version": version,
        "card": card,
        "made": made_at(version),
        "bytes": card.get("files", {}).get("digits.tflite", {}).get("bytes"),
        "confusion": confusion_rows(card.get("metrics", {}).get("confusion", [])),
        "charts": learning_charts(card.get("history", {}), card.get("training", {}).get("steps", 0)),
        "mistakes": mistakes,
        "strip_width": FRAME * len(mistakes),
    }


def made_at(version: ModelVersion) -> datetime.datetime:
    return parse_datetime(version.card.get("created_at", "")) or version.created_at


@require_safe
def about_mistakes(request: HttpRequest) -> HttpResponse:
    version = ModelVersion.objects.serving()
    if version is None or not version.mistakes:
        raise Http404("There is no current version.")
    try:
        with version.mistakes.open("rb") as file:
            return picture(file.read(), "png", "mistakes.png")
    except FileNotFoundError as error:
        raise Http404("The picture file is missing.") from error
