"""CORS for publishable keys: pages of the origins that they name may ask for previews."""

from typing import Any

from corsheaders.signals import check_request_enabled
from django.dispatch import receiver
from django.http import HttpRequest
from django.urls import reverse

from keys.models import Origin


@receiver(check_request_enabled)
def is_origin_of_a_key(request: HttpRequest, **kwargs: Any) -> bool:
    """Return whether any key names the origin, to add CORS headers. A preflight has no key; the call checks its own."""
    if request.path_info != reverse("api:predictions-preview"):
        return False
    return Origin.objects.filter(origin=request.headers.get("Origin", "")).exists()
