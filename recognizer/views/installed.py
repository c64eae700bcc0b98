"""What browsers need to install the site, and to open its sheet without a network."""

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
"""Width of each icon, and whether the phone may cut it to a shape of its own."""

STATIC = settings.BASE_DIR / "static"
PARTS = ("css/*.css", "js/*.js", "logo.svg")


@require_safe
@cache_control(public=True, max_age=300)
def manifest(request: HttpRequest) -> JsonResponse:
    """Say how the site is installed: it opens full screen, on the sheet."""
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
    """Show the sheet as nobody sees it, to be kept in the browser: the page of a user names them."""
    return HttpResponse(shell_page(request))


@require_safe
@cache_control(no_cache=True)
def service_worker(request: HttpRequest) -> HttpResponse:
    """Show the script that keeps the shell. It changes with what it keeps, so browsers notice."""
    names = sorted(str(path.relative_to(STATIC)) for part in PARTS for path in STATIC.glob(part))
    context = {
        "shell": reverse("shell"),
        "files": json.dumps([reverse("shell"), *map(static, names)]),
        "version": hashlib.sha256(shell_page(request).encode()).hexdigest()[:12],
    }
    return render(request, "service-worker.js", context, content_type="text/javascript")


def shell_page(request: HttpRequest) -> str:
    return render_to_string("draw.html", {"user": AnonymousUser(), "perms": {}, "messages": []}, request)
