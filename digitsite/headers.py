"""Default response headers, unless the view sets its own."""

from collections.abc import Callable
from math import ceil

from django.http import HttpRequest, HttpResponse

UNUSED = ("accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "magnetometer", "microphone")
PERMISSIONS = ", ".join(f"{feature}=()" for feature in (*UNUSED, "midi", "payment", "usb"))


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
