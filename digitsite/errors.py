"""Errors that no view answered: JSON under /api/, a page elsewhere."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import csrf
from django.views.decorators.csrf import csrf_exempt

from recognizer import views

SENTENCES = {
    400: ("bad_request", "The request is malformed."),
    403: ("permission_denied", "You may not do this."),
    404: ("not_found", "There is nothing at this address. All addresses here end with a slash."),
    500: ("error", "Something went wrong here. It is noted and will be looked at."),
}


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _in_json(request, 400) or views.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _in_json(request, 403) or views.permission_denied(request, exception)


@csrf_exempt
def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _in_json(request, 404) or views.page_not_found(request, exception or Exception())


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return _in_json(request, 403) or csrf.csrf_failure(request, reason)


def server_error(request: HttpRequest) -> HttpResponse:
    return _in_json(request, 500) or views.server_error(request)


def _in_json(request: HttpRequest, status: int) -> HttpResponse | None:
    if not request.path.startswith("/api/"):
        return None
    code, sentence = SENTENCES[status]
    return JsonResponse({"detail": sentence, "code": code}, status=status)
