"""What machines ask: does the process live, can it serve, how is it doing."""

import os

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from recognizer.exceptions import NoServingVersion
from recognizer.serving import serving_reader, serving_trouble


@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """Answer 200 once the database answers and the serving version is loaded and warm, else 503."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        reader = serving_reader()
    except DatabaseError:
        return JsonResponse({"status": "unavailable", "reason": "the database does not answer"}, status=503)
    except NoServingVersion as error:
        return JsonResponse({"status": "unavailable", "reason": str(error)}, status=503)
    trouble = {"trouble": serving_trouble()} if serving_trouble() else {}
    return JsonResponse({"status": "ok", "version": reader.version.name} | trouble)


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Tell Prometheus what was read, and how fast, by all processes that share PROMETHEUS_MULTIPROC_DIR."""
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
