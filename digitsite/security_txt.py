"""/.well-known/security.txt: where to report vulnerabilities (RFC 9116)."""

import datetime

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

VALID = datetime.timedelta(days=180)
"""How long a fetched file is valid."""


@require_safe
def security_txt(request: HttpRequest) -> HttpResponse:
    """Return the contact in the settings. Raises Http404 if there is none."""
    if not settings.SECURITY_CONTACT:
        raise Http404("There is no contact.")
    lines = [f"Contact: {contact}" for contact in settings.SECURITY_CONTACT]
    # Rounded to a day, so that the file is the same all day.
    expires = (timezone.now() + VALID).replace(hour=0, minute=0, second=0, microsecond=0)
    lines.append(f"Expires: {expires:%Y-%m-%dT%H:%M:%SZ}")
    lines.append("Preferred-Languages: en")
    lines.append(f"Canonical: {request.build_absolute_uri(reverse('security-txt'))}")
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")
