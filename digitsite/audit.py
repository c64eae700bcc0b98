"""Add the sender to audit entries of a request, and record refused requests."""

import logging
from collections.abc import Callable

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse

from core.audit import acting, record
from core.models import Event

logger = logging.getLogger(__name__)


class Audit:
    """Add the request's sender to audit entries, and record the request if it is refused."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with acting(request):
            response = self.get_response(request)
            if response.status_code in (401, 403):
                self._note_refusal(request, response.status_code)
        return response

    def _note_refusal(self, request: HttpRequest, status: int) -> None:
        # The view's name, because a path may hold a link's secret.
        match = request.resolver_match
        number = {"row": match.kwargs["pk"]} if match and "pk" in match.kwargs else {}
        try:
            record(Event.REFUSED, match.view_name if match else "", method=request.method, status=status, **number)
        except DatabaseError as error:
            logger.error("a refusal is not recorded: %s", error)
