"""Serializer fields of requests. Each validates a value and describes it in the schema."""

import binascii
import re
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.fields import empty

from recognizer.models import ModelVersion
from recognizer.reading import MAX_BYTES

from .codes import Code
from .errors import BadPicture, RequestTooLarge, UnknownVersion

TYPES = ["image/png", "image/jpeg", "image/webp", "image/gif", "image/bmp", "image/tiff", "image/avif", "image/heic",
         "image/heif", "application/pdf"]  # fmt: skip
KINDS = ", ".join(TYPES)
START = f"data:({'|'.join(TYPES)});base64,"
DATA_URL = re.compile(START.encode())


@extend_schema_field(OpenApiTypes.BINARY)
class FormFile(serializers.FileField):
    """A file in a form."""


@extend_schema_field(OpenApiTypes.BINARY)
class PictureField(serializers.Field[bytes, Any, bytes, Any]):
    """The bytes of a picture, sent as a file in a form or as a data URL (str, or a memoryview of the body)."""

    def run_validation(self, data: Any = empty) -> bytes:
        """Raises BadPicture with code missing_image or invalid_base64, or RequestTooLarge."""
        if isinstance(data, UploadedFile):
            if (data.size or 0) > MAX_BYTES:
                raise RequestTooLarge()
            return data.read()
        if data is empty or not data:
            raise BadPicture(gettext('Send the picture in the field "image".'), Code.MISSING_IMAGE)
        url = data.encode(errors="replace") if isinstance(data, str) else data
        match = DATA_URL.match(url) if isinstance(url, bytes | memoryview) else None
        if match is None:
            raise BadPicture(
                gettext("The image must be a file, or a data URL of one of its types: data:image/png;base64,…"),
                Code.INVALID_BASE64,
            )
        try:
            return binascii.a2b_base64(memoryview(url)[match.end() :], strict_mode=True)
        except binascii.Error as error:
            raise BadPicture(gettext("The image is not valid base64."), Code.INVALID_BASE64) from error


@extend_schema_field({"type": "string", "format": "data-url", "pattern": f"^{START}", "minLength": 1})
class DataUrlField(PictureField):
    pass


# Swagger UI fills its form with examples; without one it would send the word "string".
LEFT_OUT = {"type": "string", "example": ""}


@extend_schema_field(LEFT_OUT)
class VersionField(serializers.CharField):
    """The name of the network version to read with."""

    def __init__(self, **options: Any) -> None:
        text = "Name of the version to read with, as listed by /api/v1/models/. Default: the current version."
        super().__init__(required=False, help_text=text, **options)

    def run_validation(self, data: Any = empty) -> Any:
        """Return the ModelVersion. Raises UnknownVersion."""
        if data is empty:
            return super().run_validation(data)
        version = ModelVersion.objects.called(data)
        if version is None:
            raise UnknownVersion()
        return version
