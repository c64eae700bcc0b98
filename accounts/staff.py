"""If staff need a second factor, staff without one reach only the pages to set one up."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy

from recognizer.api.codes import Code

from .factors import has_second_factor

OPEN = ("account", "mfa_", "usersessions", "session-end", "healthz", "readyz", "metrics")
"""Prefixes of the URL names that staff without a second factor may use."""

NEEDED = gettext_lazy("Staff need a second factor here. Please add one.")


class StaffFactor:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *view: Any) -> HttpResponse | None:
        match = request.resolver_match
        if settings.STAFF_MFA != "required" or (match and match.view_name and match.view_name.startswith(OPEN)):
            return None
        if not getattr(request.user, "is_staff", False) or has_second_factor(request.user):
            return None
        if request.path.startswith("/api/"):
            return JsonResponse({"detail": NEEDED, "code": Code.PERMISSION_DENIED}, status=403)
        messages.error(request, NEEDED)
        return redirect("mfa_index")
