"""The language of a request: chosen in the footer, or else by Accept-Language."""

from functools import cache
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, parse_cookie
from django.http.response import HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.urls import reverse
from django.utils import translation
from django.views.i18n import JavaScriptCatalog

DOMAIN = "scripts"
WITH_SENTENCES = ("text/html", "text/plain", "application/json")
"""Content types that contain sentences; pictures and tables are the same in every language."""


class Languages(LocaleMiddleware):
    """Choose the language, and set Content-Language and Vary on answers that depend on it."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if not response.get("Content-Type", "").startswith(WITH_SENTENCES):
            return response
        return super().process_response(request, response)


def language_of(accepted: str, cookies: str) -> str:
    """Return the language of a request that no view sees. accepted, cookies: its Accept-Language and Cookie."""
    request = HttpRequest()
    request.META["HTTP_ACCEPT_LANGUAGE"] = accepted
    request.COOKIES = parse_cookie(cookies)
    return translation.get_language_from_request(request)


@cache
def version_of(language: str) -> str:
    """Return the version in the URL of a language's script catalogue; it changes with the content."""
    path = settings.LOCALE_PATHS[0] / translation.to_locale(language) / "LC_MESSAGES" / f"{DOMAIN}.mo"
    return sha256(path.read_bytes()).hexdigest()[:12]


def script_catalogue(request: HttpRequest) -> dict[str, str]:
    """Return the URL of the catalogue that a page loads before its scripts. English needs none."""
    language = translation.get_language()
    if language in (None, settings.LANGUAGE_CODE):
        return {"script_catalogue": ""}
    return {"script_catalogue": reverse("script-catalogue", args=[language, version_of(language)])}


class ScriptCatalogue(JavaScriptCatalog):
    """The texts of scripts in one language. Cacheable forever, because its URL changes with the content."""

    domain = DOMAIN

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        language, version = kwargs.pop("language"), kwargs.pop("version")
        if language not in dict(settings.LANGUAGES) or language == settings.LANGUAGE_CODE:
            raise Http404("There is no such language.")
        with translation.override(language):
            response: HttpResponse = super().get(request, *args, **kwargs)
        # During an upgrade, the URL may be of another release than this host.
        kept = version == version_of(language)
        response["Cache-Control"] = "public, max-age=31536000, immutable" if kept else "no-cache"
        return response
