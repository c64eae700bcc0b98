"""Error answers outside the views: JSON under /api/, a page elsewhere."""

import errno
import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy
from django.views import csrf
from django.views.decorators.csrf import csrf_exempt, requires_csrf_token

from recognizer.api.codes import Code

TEMPORARY = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
SENTENCES = {
    400: (Code.BAD_REQUEST, gettext_lazy("The request is malformed.")),
    403: (Code.PERMISSION_DENIED, gettext_lazy("You do not have access to this.")),
    404: (Code.NOT_FOUND, gettext_lazy("Not found. All addresses of this site end with a slash.")),
    503: (Code.NOT_STORED, gettext_lazy("Storage is unavailable, so nothing was stored. Try again in a moment.")),
    500: (Code.ERROR, gettext_lazy("Something went wrong on the site. The error was logged.")),
}


@requires_csrf_token
def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _in_json(request, 400) or render(request, "400.html", status=400)


@requires_csrf_token
def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _in_json(request, 403) or render(request, "403.html", status=403)


@csrf_exempt
@requires_csrf_token
def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _in_json(request, 404) or render(request, "404.html", status=404)


def too_many_requests(request: HttpRequest) -> HttpResponse:
    """Answer 429 to too many log-in attempts, sign-ups or mails."""
    response = render(request, "429.html", status=429)
    response["Retry-After"] = "900"
    return response


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return _in_json(request, 403) or csrf.csrf_failure(request, reason)


@requires_csrf_token
def server_error(request: HttpRequest) -> HttpResponse:
    # The error page must not fail itself: no template context, no database.
    status = 503 if _is_temporary(sys.exc_info()[1]) else 500
    response = _in_json(request, status) or render(None, f"{status}.html", status=status)
    if status == 503:
        response["Retry-After"] = "5"
    return response


def _is_temporary(error: BaseException | None) -> bool:
    """Return whether an error is temporary: database or disk locked, full or unreachable."""
    return isinstance(error, OperationalError | InterfaceError) or (
        isinstance(error, OSError) and error.errno in TEMPORARY
    )


def _in_json(request: HttpRequest, status: int) -> HttpResponse | None:
    if not request.path.startswith("/api/"):
        return None
    code, sentence = SENTENCES[status]
    return JsonResponse({"detail": sentence, "code": code}, status=status)
