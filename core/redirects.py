"""Safe redirects after a request."""

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme


def own_path(request: HttpRequest, sent: str) -> str:
    """Return the path if it is an absolute path on this site, else ""."""
    own = url_has_allowed_host_and_scheme(sent, {request.get_host()}, require_https=request.is_secure())
    return sent if own and sent.startswith("/") else ""
