"""Every error under /api/ is JSON with a sentence for people and a code for programs."""

import errno
import logging
from typing import Any

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import OperationalError
from django.http import Http404
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.views import exception_handler

from recognizer.exceptions import KeyReused, NoNumber, NoServingVersion
from recognizer.reading import UnreadableImage

logger = logging.getLogger(__name__)

TOO_LARGE = ("too_large", "too_many_pixels")


class BadPicture(exceptions.APIException):
    """What was sent is no picture with a number."""

    status_code = status.HTTP_400_BAD_REQUEST


class UnknownField(exceptions.APIException):
    status_code = status.HTTP_400_BAD_REQUEST
    default_code = "unknown_field"

    def __init__(self, fields: set[Any]) -> None:
        super().__init__(f"There is no field {min(map(str, fields))[:40]!r} here.")


class UnknownVersion(exceptions.APIException):
    status_code = status.HTTP_400_BAD_REQUEST
    default_detail = "There is no such version of the network. GET /api/v1/models/ lists them."
    default_code = "unknown_version"


class RequestTooLarge(exceptions.APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = "The image is larger than 10 MB. Send a smaller one."
    default_code = "too_large"


class OtherCallUnderKey(exceptions.APIException):
    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_detail = "Another picture or version was sent under this Idempotency-Key. Take a new key for each call."
    default_code = "idempotency_key_reused"


class NotStored(exceptions.APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "Nothing can be stored just now, and nothing was. Try again in a moment."
    default_code = "not_stored"


class NotServing(exceptions.APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "The reader is not ready. Try again in a moment."
    default_code = "not_serving"


def answer_error(error: Exception, context: dict[str, Any]) -> Response | None:
    """Turn what a view raised into the API's error shape; what nobody foresaw stays a 500 and is logged."""
    error = _as_api_exception(error)
    response = exception_handler(error, context)
    if response is None:
        return None
    if isinstance(error, exceptions.APIException):
        codes = error.get_codes()
        code = codes if isinstance(codes, str) else "invalid"
    else:
        code = "not_found" if isinstance(error, Http404) else "permission_denied"
    if isinstance(response.data, dict):
        response.data["code"] = code
    else:
        response.data = {"detail": response.data, "code": code}
    if response.status_code == status.HTTP_503_SERVICE_UNAVAILABLE:
        response["Retry-After"] = "5"
    return response


def _as_api_exception(error: Exception) -> Exception:
    match error:
        case UnreadableImage() | NoNumber():
            kind = RequestTooLarge if error.code in TOO_LARGE else BadPicture
            return kind(str(error), error.code)
        case NoServingVersion():
            return NotServing()
        case OperationalError() | OSError(errno=errno.ENOSPC | errno.EDQUOT | errno.EROFS | errno.EIO):
            logger.error("nothing can be stored: %s", error)
            return NotStored()
        case KeyReused():
            return OtherCallUnderKey()
        case RequestDataTooBig():
            return RequestTooLarge()
        case SuspiciousOperation():
            return exceptions.ParseError("The request is malformed.")
        case RecursionError():
            return exceptions.ParseError("The JSON is nested too deeply.")
    return error
