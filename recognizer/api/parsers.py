"""Limit JSON bodies before they are parsed: Python objects can take a thousand times the memory of their JSON."""

import secrets
from io import BytesIO
from typing import IO, Any

from django.utils.translation import gettext_lazy
from rest_framework import status
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser, JSONParser

from .codes import Code

MAX_JSON_BYTES = 64 * 1024

PLACE = secrets.token_hex(16)
"""Placeholder for the picture while the rest of the body is parsed. Random, so that nobody can send it."""

ONE_PICTURE = gettext_lazy(
    'Send a flat object with one picture, {"image": "data:image/png;base64,…"}, '
    "and at most 65,536 bytes of other fields."
)


class JSONTooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = gettext_lazy("The JSON is larger than 65,536 bytes.")
    default_code = Code.TOO_LARGE


def parsed(body: bytes, parser_context: Any) -> Any:
    return JSONParser().parse(BytesIO(body), None, parser_context)


class SmallJSON(BaseParser):
    """JSON of at most 64 kB.

    Not a JSONParser: for those, REST framework reads the whole body and keeps it until the next garbage collection.
    """

    media_type = "application/json"

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: Any = None) -> Any:
        """Raises JSONTooLarge or ParseError."""
        body = stream.read(MAX_JSON_BYTES + 1)
        if len(body) > MAX_JSON_BYTES:
            raise JSONTooLarge()
        return parsed(body, parser_context)


class PictureJSON(SmallJSON):
    """A flat object with one picture as a data URL, and at most 64 kB of other fields."""

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: Any = None) -> Any:
        """Return the object; a large data URL is a memoryview of the body. Raises ParseError."""
        body = stream.read()
        if len(body) <= MAX_JSON_BYTES:
            return parsed(body, parser_context)
        # Base64 has no quotes, so the data URL ends at the next one.
        start = body.find(b'"data:') + 1
        end = body.find(b'"', start)
        if not start or end < 0 or len(body) - (end - start) > MAX_JSON_BYTES - len(PLACE):
            raise ParseError(ONE_PICTURE)
        rest = body[:start] + PLACE.encode() + body[end:]
        data = parsed(rest, parser_context)
        if not isinstance(data, dict):
            raise ParseError(ONE_PICTURE)
        picture: Any = memoryview(body)[start:end]
        if body.find(b"\\", start, end) >= 0:
            # Some JSON encoders escape slashes or plus signs.
            picture = parsed(body[start - 1 : end + 1], parser_context)
        return {name: picture if value == PLACE else value for name, value in data.items()}
