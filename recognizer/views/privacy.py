"""The privacy page."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe


@require_safe
def privacy(request: HttpRequest) -> HttpResponse:
    context = {
        "idle": settings.VISITOR_IDLE_DAYS,
        "kept": settings.RETAIN_VISITORS_DAYS,
        "audit": settings.RETAIN_AUDIT_DAYS,
        "failed": settings.RETAIN_FAILED_LOGINS_DAYS,
    }
    return render(request, "privacy.html", context)
