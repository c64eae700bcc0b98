"""Send invalid pictures and calls to the site in this process. A 500 is an answer here, not an exception."""

from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from .calls import LIST, Call


def post(picture: bytes, path: str = LIST) -> Any:
    return Client(raise_request_exception=False).post(path, {"image": SimpleUploadedFile("a.png", picture)})


def make(call: Call) -> Any:
    client = Client(raise_request_exception=False, enforce_csrf_checks=True)
    path, _, query = call.path.partition("?")
    headers: dict[str, Any] = {"QUERY_STRING": query, **call.headers}
    return client.generic(call.method, path, call.body, content_type=call.kind, **headers)
