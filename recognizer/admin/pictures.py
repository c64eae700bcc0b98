"""A prediction's image on the admin's pages."""

from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext

from recognizer.models import Correction, Prediction


def picture_of(prediction: Prediction, small: bool = True, correction: Correction | None = None) -> str:
    """Show a prediction's image as large as fits, with its size reserved before it loads.

    The image of a correction has a URL of its own, because reviewers may not view all predictions.
    """
    if correction is None:
        address = reverse("api:predictions-image", args=[prediction.pk])
    else:
        address = reverse("review-image", args=[correction.pk])
    width, height = (112, 56) if small else (640, 400)
    scale = min(width / prediction.width, height / prediction.height)
    return format_html(
        '<img class="picture" src="{}{}" alt="{}" width="{}" height="{}" loading="lazy">',
        address,
        "?size=thumb" if small else "",
        gettext("picture of prediction %(number)d") % {"number": prediction.pk},
        round(scale * prediction.width),
        round(scale * prediction.height),
    )
