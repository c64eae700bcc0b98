"""Health checks and metrics."""

import logging
import os
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from core.models import WriteProbe
from recognizer.exceptions import NoServingVersion
from recognizer.serving.cache import serving_reader, serving_trouble

from .proxies import FORWARDED, is_in

logger = logging.getLogger(__name__)

PROBE_INTERVAL = 5.0
PROBE_TIMEOUT = 2.0
"""Seconds to wait for a locked database."""


@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """Answer 200 if the database accepts writes and the current version is loaded, else 503."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return unavailable("the database does not answer")
    try:
        _probe.write()
        reader = serving_reader()
    except DatabaseError as error:
        logger.warning("the database accepts no writes: %s", error)
        return unavailable("the database accepts no writes: it is locked, full or read-only")
    except NoServingVersion as error:
        return unavailable(str(error))
    trouble = {"trouble": serving_trouble()} if serving_trouble() else {}
    return JsonResponse({"status": "ok", "version": reader.version.name} | trouble)


def unavailable(reason: str) -> JsonResponse:
    answer = {"status": "unavailable", "reason": reason}
    return JsonResponse(answer, status=503, headers={"Retry-After": "5"})


class Probe:
    """Write a row, at most once in PROBE_INTERVAL, because anybody may call /readyz."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.written_at = -PROBE_INTERVAL

    def write(self) -> None:
        """Write, unless the last write was just now. Raises DatabaseError."""
        with self.lock:
            if time.monotonic() - self.written_at < PROBE_INTERVAL:
                return
            with _short_lock_timeout(), transaction.atomic():
                WriteProbe.objects.update_or_create(pk=1, defaults={"at": timezone.now()})
            self.written_at = time.monotonic()


@contextmanager
def _short_lock_timeout() -> Iterator[None]:
    """Wait at most PROBE_TIMEOUT for a locked SQLite database."""
    if connection.vendor != "sqlite":
        # PostgreSQL has a lock timeout of its own, and rows of this table are locked only briefly.
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA busy_timeout = {round(1000 * PROBE_TIMEOUT)}")
        try:
            yield
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {1000 * settings.LOCK_TIMEOUT}")


_probe = Probe()


def may_see_metrics(request: HttpRequest) -> bool:
    """Return whether a request has the token, or comes from an allowed network and not through an untrusted proxy."""
    if settings.METRICS_TOKEN:
        sent = request.headers.get("Authorization", "")
        if secrets.compare_digest(sent.encode(), f"Bearer {settings.METRICS_TOKEN}".encode()):
            return True
    passed_on = request.META.get(FORWARDED) or "Via" in request.headers or "Forwarded" in request.headers
    return not passed_on and is_in(request.META["REMOTE_ADDR"], tuple(settings.METRICS_ALLOWED))


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Return metrics for Prometheus, of all processes that share PROMETHEUS_MULTIPROC_DIR."""
    if not may_see_metrics(request):
        words = "Metrics need an address in METRICS_ALLOWED, or METRICS_TOKEN."
        return HttpResponse(words, status=403, content_type="text/plain")
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
