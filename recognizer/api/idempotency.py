"""The Idempotency-Key header: a repeated call is stored once."""

import re

from django.utils.translation import gettext
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from recognizer.models import MAX_KEY_LENGTH

from .codes import Code
from .errors import BadPicture

HEADER = "Idempotency-Key"
KEY = re.compile(rf"[!-~]{{1,{MAX_KEY_LENGTH}}}")
PARAMETER = OpenApiParameter(
    HEADER,
    {"type": "string", "minLength": 1, "maxLength": MAX_KEY_LENGTH, "pattern": "^[!-~]+$"},
    OpenApiParameter.HEADER,
    description="A repeated call with the same key is stored once.",
)


def idempotency_key(request: Request) -> str:
    """Return a request's Idempotency-Key, or "" if it has none.

    Raises BadPicture with code invalid_idempotency_key if it is not 1 to 255 visible ASCII characters.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return ""
    if not KEY.fullmatch(key):
        raise BadPicture(
            gettext("%(header)s must be 1 to %(number)d visible ASCII characters.")
            % {"header": HEADER, "number": MAX_KEY_LENGTH},
            Code.INVALID_IDEMPOTENCY_KEY,
        )
    return key
