"""The picture in a request: a multipart file or a data URL in JSON."""

import base64
import binascii
import re
from dataclasses import dataclass

from django.core.files.uploadedfile import UploadedFile
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from recognizer.models import LONGEST_KEY, ModelVersion, Source
from recognizer.reading import MAX_BYTES

from .errors import BadPicture, RequestTooLarge, UnknownField, UnknownVersion

FIELDS = {"image", "source", "model_version", "csrfmiddlewaretoken"}
KEY = re.compile(rf"[!-~]{{1,{LONGEST_KEY}}}")
DATA_URL = re.compile(r"data:image/(?:png|jpeg|webp);base64,(.*)", re.DOTALL)


def key_of(request: Request) -> str:
    """Return a request's Idempotency-Key, "" where it has none.

    Raises BadPicture with code invalid_idempotency_key for one that is not 1 to 255 visible ASCII characters.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return ""
    if not KEY.fullmatch(key):
        raise BadPicture(
            f"An Idempotency-Key is 1 to {LONGEST_KEY} visible ASCII characters.", "invalid_idempotency_key"
        )
    return key


@dataclass(frozen=True)
class Sent:
    """A picture that was sent, where it comes from, and the version that shall read it, None for the serving one."""

    image: bytes
    source: str
    version: ModelVersion | None


def picture_in(request: Request) -> Sent:
    """Return a request's picture and what it says of it, source "api" unless it says otherwise.

    Raises BadPicture with code unknown_field, missing_image or invalid_base64, RequestTooLarge, UnknownVersion, or
    ValidationError for a source that does not exist.
    """
    data = request.data
    if not isinstance(data, dict):
        raise BadPicture('Send an object: {"image": "data:image/png;base64,…"}.', "parse_error")
    unknown = set(data) - FIELDS
    if unknown:
        raise UnknownField(unknown)
    source = data.get("source", Source.API)
    if source not in Source.sent():
        raise ValidationError({"source": [f"Choose one of: {', '.join(Source.sent())}."]})
    version = version_called(data["model_version"]) if "model_version" in data else None
    return Sent(_bytes_of(data.get("image"), request), str(source), version)


def version_called(name: object) -> ModelVersion:
    """Return the version that a call asks for. Raises UnknownVersion."""
    version = ModelVersion.objects.called(name)
    if version is None:
        raise UnknownVersion()
    return version


def _bytes_of(image: object, request: Request) -> bytes:
    if isinstance(image, UploadedFile):
        if len(request.FILES.getlist("image")) > 1:
            raise BadPicture("Send one image at a time.", "unknown_field")
        if (image.size or 0) > MAX_BYTES:
            raise RequestTooLarge()
        return image.read()
    if not image:
        raise BadPicture('Send the picture in the field "image".', "missing_image")
    match = DATA_URL.fullmatch(image) if isinstance(image, str) else None
    if match is None:
        raise BadPicture("The image must be a file, or a data URL of a PNG, JPEG or WebP image.", "invalid_base64")
    try:
        return base64.b64decode(match[1], validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadPicture("The image's base64 is malformed.", "invalid_base64") from error
