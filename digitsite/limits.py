"""What no view needs to look at: bodies too large to read, and text in encodings that are not for text."""

import codecs
import json
from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from django.core.exceptions import TooManyFilesSent
from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.http import parse_header_parameters

from batches.uploads import MOST_SENT

ENCODINGS = ("utf-8", "ascii", "iso8859-1")
MOST_FILES = 5
TOO_LARGE = "The image is larger than 10 MB. Send a smaller one."
BATCH_TOO_LARGE = "The batch is larger than 1 GB. Send it in several."
BATCHES = "/api/v1/batches/"
NO_TEXT = "The request's Content-Type cannot be understood. Send text as UTF-8."


class BodyLimit:
    """Refuse a body by the length it declares, before a byte of it is read."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # The one address that writes what comes to the disk as it comes.
        batch = request.path == BATCHES
        if _declared_length(request) <= (MOST_SENT if batch else settings.DATA_UPLOAD_MAX_MEMORY_SIZE):
            return self.get_response(request)
        if request.path.startswith("/api/"):
            sentence = BATCH_TOO_LARGE if batch else TOO_LARGE
            return JsonResponse({"detail": sentence, "code": "too_large"}, status=413)
        return HttpResponse(TOO_LARGE, status=413, content_type="text/plain; charset=utf-8")


def _declared_length(request: HttpRequest) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


class FewFiles(FileUploadHandler):
    """Hold every form to five files, where the parser would let through as many as a batch may have."""

    count = 0

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        self.count += 1
        if self.count > MOST_FILES:
            raise TooManyFilesSent("The form has more files than any here may have.")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None


def with_known_encodings(application: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """Wrap a WSGI application: refuse a Content-Type that Django could not make a request of.

    Django runs the query string through whatever codec the charset names, and Python has codecs that unpack.
    It does so while it makes the request, before any middleware could answer.
    """

    def guarded(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if _is_known(environ.get("CONTENT_TYPE", "")):
            return application(environ, start_response)
        body = json.dumps({"detail": NO_TEXT, "code": "unsupported_media_type"}).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response("415 Unsupported Media Type", headers)
        return [body]

    return guarded


def _is_known(content_type: str) -> bool:
    try:
        charset = parse_header_parameters(content_type)[1].get("charset", "utf-8")
        return codecs.lookup(charset).name in ENCODINGS
    except (LookupError, ValueError, TypeError):
        return False
