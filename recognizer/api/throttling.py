from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import ScopedRateThrottle


class ScopeByAddress(ScopedRateThrottle):
    """A limit for each kind of call, on a user or on the address a connection comes from."""

    def get_ident(self, request: Request) -> Any:
        # X-Forwarded-For is anybody's to write.
        return request.META["REMOTE_ADDR"]
