"""What browsers need to install the site as an app, and to open the drawing page offline."""

import hashlib
import json

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

ICONS = [("192", "any"), ("512", "any"), ("512", "maskable")]
"""Width and purpose of each icon; phones may crop a maskable one."""

STATIC = settings.BASE_DIR / "static"
PARTS = ("css/*.css", "js/*.js", "logo.svg")


@require_safe
@cache_control(public=True, max_age=300)
def manifest(request: HttpRequest) -> JsonResponse:
    """Return the web app manifest: the app opens full screen on the drawing page."""
    facts = {
        "id": "/",
        "name": "Digit reader",
        "short_name": "Digits",
        "description": "Draw or upload handwritten digits and get the number.",
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
def shell(request: HttpRequest) -> HttpResponse:
    """Show the drawing page of somebody who is not logged in, without personal data, for the browser to cache."""
    return HttpResponse(shell_page(request))


@require_safe
@cache_control(no_cache=True)
def service_worker(request: HttpRequest) -> HttpResponse:
    """Return the service worker. It changes when a cached file changes, so that browsers update their cache."""
    names = sorted(str(path.relative_to(STATIC)) for part in PARTS for path in STATIC.glob(part))
    context = {
        "shell": reverse("shell"),
        "files": json.dumps([reverse("shell"), *map(static, names)]),
        "version": hashlib.sha256(shell_page(request).encode()).hexdigest()[:12],
    }
    return render(request, "service-worker.js", context, content_type="text/javascript")


def shell_page(request: HttpRequest) -> str:
    return render_to_string("draw.html", {"user": AnonymousUser(), "perms": {}, "messages": []}, request)
