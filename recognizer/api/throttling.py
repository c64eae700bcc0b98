import logging
from typing import Any

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import ScopedRateThrottle

logger = logging.getLogger(__name__)


class ScopeByAddress(ScopedRateThrottle):
    """A limit for each kind of call, on a user or on the address a connection comes from."""

    def allow_request(self, request: Request, view: Any) -> bool:
        """Tell whether a call is within its limit. Where nothing can be counted, calls go on."""
        try:
            return bool(super().allow_request(request, view))
        except Exception as error:  # Each cache fails in its own ways.
            logger.error("limits are not counted, the cache does not answer: %s", error)
            return True

    def get_ident(self, request: Request) -> Any:
        # X-Forwarded-For is anybody's to write; only its last address is the word of the proxy that is trusted.
        forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "") if settings.TRUST_PROXY else ""
        return forwarded.rpartition(",")[2].strip() or request.META["REMOTE_ADDR"]
