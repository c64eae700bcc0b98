"""HTTP responses with pictures: private, and never interpreted by the browser as anything but a picture."""

from contextlib import nullcontext

from django.http import Http404, HttpResponse
from django.utils.translation import gettext

from .admission import HEAVY_PIXELS, admission
from .models import Prediction
from .thumbnails import thumbnail

KINDS = {"png": "png", "jpg": "jpeg", "webp": "webp"}
"""Content types of stored pictures by file extension."""


def picture(content: bytes, kind: str, name: str) -> HttpResponse:
    """Return a picture that only this browser may cache, and must revalidate. kind: one of KINDS' values."""
    response = HttpResponse(content, content_type=f"image/{kind}")
    response["Content-Disposition"] = f'inline; filename="{name}"'
    response["Cache-Control"] = "private, no-cache"
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


def unavailable(words: str) -> HttpResponse:
    """Return 503 with a sentence for the user, who may try again in five seconds."""
    return HttpResponse(words, status=503, content_type="text/plain; charset=utf-8", headers={"Retry-After": "5"})


def busy() -> HttpResponse:
    """Return 503, for a picture that cannot be drawn now."""
    return unavailable(gettext("The network is not loaded, or busy. Try again in a moment."))


def stored_image(prediction: Prediction, small: bool = False) -> HttpResponse:
    """Return a response with a prediction's image or thumbnail. Raises TooBusy, or Http404 if the file is missing."""
    try:
        if small:
            pixels = prediction.pixels_decoded
            # A small picture takes little memory, and a history shows many at a time.
            with admission.turn(pixels) if pixels > HEAVY_PIXELS else nullcontext():
                content = thumbnail(prediction)
            return picture(content, "png", f"prediction-{prediction.pk}-small.png")
        with prediction.open_image() as file:
            extension = prediction.image_extension
            return picture(file.read(), KINDS[extension], f"prediction-{prediction.pk}.{extension}")
    except FileNotFoundError as error:
        raise Http404("The image file is missing.") from error
