"""What browsers need to install the site as an app, and to open the drawing page offline."""

import hashlib
import json
import re
from contextlib import AbstractContextManager
from copy import copy

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import resolve, reverse
from django.utils import translation
from django.utils.translation import gettext
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

ICONS = [("192", "any"), ("512", "any"), ("512", "maskable")]
"""Width and purpose of each icon; phones may crop a maskable one."""

STATIC = settings.BASE_DIR / "static"
PARTS = ("css/*.css", "js/*.js", "logo.svg")
CATALOGUE = re.compile(r'<script src="(/texts/[^"]+)">')
"""Texts of scripts, which a page loads in its language."""


@require_safe
@cache_control(public=True, max_age=300)
def manifest(request: HttpRequest, language: str) -> JsonResponse:
    """Return the web app manifest: the app opens full screen on the drawing page.

    Browsers request it without cookies, so the language is in its address.
    """
    with speaking(language):
        facts: dict[str, object] = {
            "name": gettext("Digit reader"),
            "short_name": gettext("Digits"),
            "description": gettext("Draw or upload handwritten digits and get the number."),
        }
    facts |= {
        "id": "/",
        "lang": language,
        "start_url": reverse("draw"),
        "scope": reverse("draw"),
        "display": "fullscreen",
        "background_color": "#faf9f6",
        "theme_color": "#faf9f6",
        "icons": [
            {"src": static(f"icons/{width}.png"), "sizes": f"{width}x{width}", "type": "image/png", "purpose": purpose}
            for width, purpose in ICONS
        ],
    }
    return JsonResponse(facts, content_type="application/manifest+json")


@require_safe
@cache_control(public=True, max_age=300)
def shell(request: HttpRequest, language: str) -> HttpResponse:
    """Show the drawing page of somebody who is not logged in, without personal data, for the browser to cache."""
    return HttpResponse(shell_page(request, language), headers={"Content-Language": language})


@require_safe
@cache_control(no_cache=True)
def service_worker(request: HttpRequest) -> HttpResponse:
    """Return the service worker. It changes when a cached file changes, so that browsers update their cache."""
    names = sorted(str(path.relative_to(STATIC)) for part in PARTS for path in STATIC.glob(part))
    shells = {language: reverse("shell", args=[language]) for language, _ in settings.LANGUAGES}
    pages = [shell_page(request, language) for language in shells]
    catalogues = [found for page in pages for found in CATALOGUE.findall(page)]
    context = {
        "shells": json.dumps(shells),
        "files": json.dumps([*shells.values(), *catalogues, *map(static, names)]),
        "version": hashlib.sha256("".join(pages).encode()).hexdigest()[:12],
    }
    return render(request, "service-worker.js", context, content_type="text/javascript")


def shell_page(request: HttpRequest, language: str) -> str:
    request = copy(request)
    # Its links, such as those to other languages, are the drawing page's.
    request.path = request.path_info = reverse("draw")
    request.resolver_match = resolve(request.path_info)
    with speaking(language):
        return render_to_string("draw.html", {"user": AnonymousUser(), "perms": {}, "messages": []}, request)


def speaking(language: str) -> AbstractContextManager[None]:
    """Use a language of the site. Raises Http404 for any other."""
    if language not in dict(settings.LANGUAGES):
        raise Http404("There is no such language.")
    return translation.override(language)
