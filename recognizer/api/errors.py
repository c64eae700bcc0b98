"""Answer every error under /api/ as JSON, with a sentence for people and a code for programs."""

import errno
import logging
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ObjectDoesNotExist, RequestDataTooBig, SuspiciousOperation
from django.db import IntegrityError, OperationalError
from django.http import Http404
from django.utils.translation import gettext, gettext_lazy
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.views import exception_handler

from recognizer.exceptions import KeyReused, NoNumber, NoServingVersion, QuotaExceeded, TooBusy
from recognizer.reading import UnreadableImage

from .authentication import HOW
from .codes import Code

logger = logging.getLogger(__name__)

TOO_LARGE = (Code.TOO_LARGE, Code.TOO_MANY_PIXELS)


class BadPicture(exceptions.APIException):
    """The picture is missing or unreadable, or has no number."""

    status_code = status.HTTP_400_BAD_REQUEST


class UnknownField(exceptions.APIException):
    status_code = status.HTTP_400_BAD_REQUEST
    default_code = Code.UNKNOWN_FIELD

    def __init__(self, fields: set[Any]) -> None:
        super().__init__(gettext("Unknown field %(name)r.") % {"name": min(map(str, fields))[:40]})


class UnknownVersion(exceptions.APIException):
    status_code = status.HTTP_400_BAD_REQUEST
    default_detail = gettext_lazy("Unknown version of the network. GET /api/v1/models/ lists them.")
    default_code = Code.UNKNOWN_VERSION


class RequestTooLarge(exceptions.APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = gettext_lazy("The image is larger than 10 MB. Send a smaller one.")
    default_code = Code.TOO_LARGE


class NoRoomLeft(exceptions.APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = Code.QUOTA_EXCEEDED


class OtherCallUnderKey(exceptions.APIException):
    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_detail = gettext_lazy("This Idempotency-Key was used for another call. Use a new key for each call.")
    default_code = Code.IDEMPOTENCY_KEY_REUSED


class NotStored(exceptions.APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = gettext_lazy("Storage is unavailable, so nothing was stored. Try again in a moment.")
    default_code = Code.NOT_STORED


class NotServing(exceptions.APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = gettext_lazy("No network is loaded yet. Try again in a moment.")
    default_code = Code.NOT_SERVING


class Overloaded(exceptions.APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = gettext_lazy("The site is reading too many pictures. Try again in a moment.")
    default_code = Code.OVERLOADED


def answer_error(error: Exception, context: dict[str, Any]) -> Response | None:
    """Turn an exception of a view into the API's error format. Unexpected ones return None: a 500, which is logged."""
    error = _as_api_exception(_as_gone(error, context["request"]))
    response = exception_handler(error, context)
    if response is None:
        return None
    if isinstance(error, exceptions.APIException):
        codes = error.get_codes()
        code = codes if isinstance(codes, str) else Code.INVALID
    else:
        code = Code.PERMISSION_DENIED
    if isinstance(response.data, dict):
        response.data["code"] = code
    else:
        response.data = {"detail": response.data, "code": code}
    if response.status_code == status.HTTP_401_UNAUTHORIZED:
        response["WWW-Authenticate"] = "Bearer"
    if response.status_code == status.HTTP_503_SERVICE_UNAVAILABLE:
        response["Retry-After"] = "5"
    return response


def _as_gone(error: Exception, request: Any) -> Exception:
    """Turn an error into 401 or 404 if the caller's account, or the object, was deleted during the call."""
    if not isinstance(error, IntegrityError | ObjectDoesNotExist):
        return error
    user = request.user
    if user.is_authenticated and not get_user_model().objects.filter(pk=user.pk).exists():
        return exceptions.AuthenticationFailed(gettext("This account no longer exists."))
    return Http404() if isinstance(error, ObjectDoesNotExist) else error


def _as_api_exception(error: Exception) -> Exception:
    match error:
        case UnreadableImage() | NoNumber():
            kind = RequestTooLarge if error.code in TOO_LARGE else BadPicture
            # The reading, which does not know Django, raises in English.
            return kind(gettext(str(error)), error.code)
        case Http404():
            # Django's own sentence is in English, and names a model.
            return exceptions.NotFound()
        case NoServingVersion():
            return NotServing()
        case QuotaExceeded():
            return NoRoomLeft(str(error))
        case TooBusy():
            return Overloaded()
        case OperationalError() | OSError(errno=errno.ENOSPC | errno.EDQUOT | errno.EROFS | errno.EIO):
            logger.error("storage is unavailable: %s", error)
            return NotStored()
        case exceptions.NotAuthenticated():
            error.detail = exceptions.ErrorDetail(f"{gettext('Log in or send a key.')} {HOW}", error.default_code)
        case KeyReused():
            return OtherCallUnderKey()
        case RequestDataTooBig():
            return RequestTooLarge()
        case SuspiciousOperation():
            return exceptions.ParseError(gettext("The request is malformed."))
        case RecursionError():
            return exceptions.ParseError(gettext("The JSON is nested too deeply."))
    return error
