"""HTTP responses with pictures: private, and never interpreted by the browser as anything but a picture."""

from django.http import Http404, HttpResponse

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


def stored_image(prediction: Prediction, small: bool = False) -> HttpResponse:
    """Return a response with a prediction's image or thumbnail. Raises Http404 if the file is missing."""
    try:
        if small:
            return picture(thumbnail(prediction.image), "png", f"prediction-{prediction.pk}-small.png")
        with prediction.image.open("rb") as file:
            extension = str(prediction.image).rpartition(".")[2]
            return picture(file.read(), KINDS[extension], f"prediction-{prediction.pk}.{extension}")
    except FileNotFoundError as error:
        raise Http404("The image file is missing.") from error
