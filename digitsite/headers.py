"""Default response headers, unless the view sets its own."""

from collections.abc import Callable
from math import ceil

from csp.utils import build_policy
from django.conf import settings
from django.http import HttpRequest, HttpResponse

UNUSED = ("accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "magnetometer", "microphone")
PERMISSIONS = ", ".join(f"{feature}=()" for feature in (*UNUSED, "midi", "payment", "usb"))


class ContentPolicy:
    """Forbid what CONTENT_SECURITY_POLICY does not allow. Views of pictures set their own header.

    The middleware of django-csp writes the same policy anew for each response, because it may hold a nonce.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response, self.policy = get_response, build_policy()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        # Django's pages for developers have styles of their own.
        if not (settings.DEBUG and response.status_code in (404, 500)):
            response.headers.setdefault("Content-Security-Policy", self.policy)
        return response


class PrivateByDefault:
    """Forbid caching of pages and API answers, because they are private. Views of pictures set their own header."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "private, no-store")
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        return response


class RateLimits:
    """Add the API's rate limits and what is left of them (draft-ietf-httpapi-ratelimit-headers-10)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if limits := getattr(request, "limits", None):
            response["RateLimit-Policy"] = ", ".join(f'"{name}";q={q};w={w}' for name, (q, w, _) in limits.items())
            response["RateLimit"] = ", ".join(
                f'"{name}";r={count.remaining};t={ceil(count.reset)}' for name, (_, _, count) in limits.items()
            )
        return response
