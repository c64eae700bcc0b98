"""The viewer's time zone, from a cookie that the page's script sets."""

import datetime
from zoneinfo import ZoneInfo

from django.http import HttpRequest

COOKIE = "timezone"


def timezone_of(request: HttpRequest) -> datetime.tzinfo:
    """Return the time zone in the browser's cookie, or UTC if it is missing or unknown."""
    try:
        return ZoneInfo(request.COOKIES[COOKIE])
    # A name may be invalid, a folder of zones, or not a zone file.
    except (KeyError, ValueError, OSError):
        return datetime.UTC
