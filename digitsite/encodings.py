"""Refuse Content-Types with unknown encodings. Imported before Django is set up, so it imports no models."""

import codecs
import json
from collections.abc import Callable, Iterable
from typing import Any

from django.utils import translation
from django.utils.http import parse_header_parameters
from django.utils.translation import gettext, gettext_noop

from recognizer.api.codes import Code

from .languages import language_of

ENCODINGS = ("utf-8", "ascii", "iso8859-1")
NO_TEXT = gettext_noop("Unknown charset in Content-Type. Use UTF-8.")


def with_known_encodings(application: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """Wrap a WSGI application to answer 415 to a Content-Type with an unknown charset.

    Django decodes the query string with any codec that the charset names, and Python has codecs that decompress.
    It does so while it builds the request, before any middleware runs.
    """

    def guarded(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if _is_known(environ.get("CONTENT_TYPE", "")):
            return application(environ, start_response)
        with translation.override(language_of(environ.get("HTTP_ACCEPT_LANGUAGE", ""), environ.get("HTTP_COOKIE", ""))):
            sentence = gettext(NO_TEXT)
        body = json.dumps({"detail": sentence, "code": Code.UNSUPPORTED_MEDIA_TYPE}).encode()
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
