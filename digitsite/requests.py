"""Give every request an id, a log line, and a count in the metrics."""

import logging
import re
import secrets
import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from recognizer.metrics import RESPONSES
from recognizer.serving.cache import serving_now

logger = logging.getLogger("digitsite.requests")
GIVEN_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class RequestLog:
    """Give each request an id, return it as X-Request-ID, and log the request once it is answered."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        given = request.headers.get("X-Request-ID", "")
        name = given if GIVEN_ID.fullmatch(given) else secrets.token_hex(8)
        response = self.get_response(request)
        response["X-Request-ID"] = name
        RESPONSES.labels(str(response.status_code)).inc()
        facts = {
            "id": name,
            "method": request.method,
            "path": request.path[:200],
            "status": response.status_code,
            "ms": round(1000 * (time.perf_counter() - started), 1),
            "version": serving_now(),
        }
        logger.info("request", extra={"facts": facts})
        return response
