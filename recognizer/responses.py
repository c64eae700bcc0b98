"""Answers that carry pictures. Private, and never anything but a picture to the browser."""

from django.http import Http404, HttpResponse

from .models import Prediction
from .thumbnails import thumbnail


def picture(content: bytes, kind: str, name: str) -> HttpResponse:
    """Answer with a PNG or JPEG that only this browser may keep. kind: "png" or "jpeg"."""
    response = HttpResponse(content, content_type=f"image/{kind}")
    response["Content-Disposition"] = f'inline; filename="{name}"'
    response["Cache-Control"] = "private, max-age=86400, immutable"
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


def stored_image(prediction: Prediction, small: bool = False) -> HttpResponse:
    """Answer with a prediction's image, or its thumbnail. Raises Http404 where the file is gone."""
    try:
        if small:
            return picture(thumbnail(prediction.image), "png", f"prediction-{prediction.pk}-small.png")
        with prediction.image.open("rb") as file:
            extension = str(prediction.image).rpartition(".")[2]
            kind = "jpeg" if extension == "jpg" else "png"
            return picture(file.read(), kind, f"prediction-{prediction.pk}.{extension}")
    except FileNotFoundError as error:
        raise Http404("The image is gone.") from error
