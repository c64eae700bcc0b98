"""Refuse, before any view runs, bodies that are too large, and too many passwords at once."""

import os
from collections.abc import Callable
from threading import BoundedSemaphore
from typing import Any

from django.conf import settings
from django.core.exceptions import TooManyFilesSent
from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext_lazy

from batches.uploads import MAX_REQUEST_BYTES
from core.callers import address_of
from core.fair_semaphore import at_work
from recognizer.admission import Admission, Caller
from recognizer.api.codes import Code
from recognizer.exceptions import TooBusy
from recognizer.responses import unavailable

MAX_FILES = 5
TOO_LARGE = gettext_lazy("The image is larger than 10 MB. Send a smaller one.")
BATCH_TOO_LARGE = gettext_lazy("The batch is larger than 1 GB. Split it.")
BATCHES = "/api/v1/batches/"
MAX_PASSWORDS = 4
"""Requests with passwords in a process, being checked or waiting. A process has 8 threads."""

TOO_MANY_PASSWORDS = gettext_lazy("Too many passwords are being checked. Try again in a moment.")


class BodyLimit:
    """Refuse a body by its Content-Length, before any of it is read."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Only batch uploads are written to disk as they arrive.
        batch = request.path == BATCHES
        if _declared_length(request) <= (MAX_REQUEST_BYTES if batch else settings.DATA_UPLOAD_MAX_MEMORY_SIZE):
            return self.get_response(request)
        if request.path.startswith("/api/"):
            sentence = BATCH_TOO_LARGE if batch else TOO_LARGE
            return JsonResponse({"detail": sentence, "code": Code.TOO_LARGE}, status=413)
        return HttpResponse(TOO_LARGE, status=413, content_type="text/plain; charset=utf-8")


def _declared_length(request: HttpRequest) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


class FewPasswords:
    """Check the passwords of one address one after the other, because each takes half a second of processor time.

    If MAX_PASSWORDS are being checked or waiting, from all addresses together, refuse more, so that threads stay free.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.admission = Admission(os.cpu_count() or 1, 0)
        self.room = BoundedSemaphore(MAX_PASSWORDS)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method != "POST" or request.path.startswith("/api/"):
            return self.get_response(request)
        if not any("password" in name for name in request.POST):
            return self.get_response(request)
        if not self.room.acquire(blocking=False):
            return unavailable(str(TOO_MANY_PASSWORDS))
        # The check needs a processor, but not Python.
        with at_work.pause():
            try:
                with self.admission.turn(0, Caller(address_of(request)), heavy=True):
                    return self.get_response(request)
            except TooBusy:
                return unavailable(str(TOO_MANY_PASSWORDS))
            finally:
                self.room.release()


class FewFiles(FileUploadHandler):
    """Limit every form but a batch's to five files. Django's own limit must allow as many as a batch has."""

    count = 0

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        self.count += 1
        if self.count > MAX_FILES:
            raise TooManyFilesSent(f"A form has at most {MAX_FILES} files.")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None
