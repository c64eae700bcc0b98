"""The language of a request: the one chosen in the footer, or else the one that the browser asks for."""

from functools import cache
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.urls import reverse
from django.utils import translation
from django.views.i18n import JavaScriptCatalog

DOMAIN = "scripts"
IN_WORDS = ("text/html", "text/plain", "application/json")
"""Types of answers that hold sentences; pictures and tables are the same in every language."""


class Languages(LocaleMiddleware):
    """Choose the language, and name it in answers that depend on it."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if not response.get("Content-Type", "").startswith(IN_WORDS):
            return response
        return super().process_response(request, response)


@cache
def version_of(language: str) -> str:
    """Return what the address of a language's catalogue for scripts changes with."""
    path = settings.LOCALE_PATHS[0] / translation.to_locale(language) / "LC_MESSAGES" / f"{DOMAIN}.mo"
    return sha256(path.read_bytes()).hexdigest()[:12]


def script_catalogue(request: HttpRequest) -> dict[str, str]:
    """Name the catalogue that a page loads before its scripts; none in English, in which they are written."""
    language = translation.get_language()
    if language in (None, settings.LANGUAGE_CODE):
        return {"script_catalogue": ""}
    return {"script_catalogue": reverse("script-catalogue", args=[language, version_of(language)])}


class ScriptCatalogue(JavaScriptCatalog):
    """The texts of scripts in one language, for anybody to keep: its address changes with it."""

    domain = DOMAIN

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        language, version = kwargs.pop("language"), kwargs.pop("version")
        if language not in dict(settings.LANGUAGES) or language == settings.LANGUAGE_CODE:
            raise Http404("There is no such language.")
        with translation.override(language):
            response: HttpResponse = super().get(request, *args, **kwargs)
        # While hosts are updated one after another, an address may be of another release than the host.
        kept = version == version_of(language)
        response["Cache-Control"] = "public, max-age=31536000, immutable" if kept else "no-cache"
        return response
