"""Let pages of other sites ask for previews, if a publishable key names their origin."""

from typing import Any

from corsheaders.signals import check_request_enabled
from django.dispatch import receiver
from django.http import HttpRequest
from django.urls import reverse

from keys.models import Origin


@receiver(check_request_enabled)
def is_origin_of_a_key(request: HttpRequest, **kwargs: Any) -> bool:
    """Return whether to add the CORS headers. A preflight has no key yet; the call is held to its own key's origins."""
    if request.path_info != reverse("api:predictions-preview"):
        return False
    return Origin.objects.filter(origin=request.headers.get("Origin", "")).exists()
