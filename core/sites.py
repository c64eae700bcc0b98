"""The admin site, created before any model is registered with it."""

import logging
from functools import wraps
from typing import Any

from allauth.account.internal.flows.reauthentication import is_reauthentication_required
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import DataError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import SimpleTemplateResponse
from django.urls import reverse

logger = logging.getLogger(__name__)


class GuardedSite(admin.AdminSite):
    """An admin that answers 400 to invalid queries and selections, for which Django's own raises.

    It has no log-in page of its own: the site's is used. It asks for the password again when the last proof has
    expired.
    """

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if self.has_permission(request):
            return redirect("admin:index")
        if request.user.is_authenticated:
            raise PermissionDenied
        return redirect_to_login(request.GET.get(REDIRECT_FIELD_NAME) or reverse("admin:index"))

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Redirect to the site's own page, which can also revoke keys."""
        return redirect("account_change_password")

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        inner = super().admin_view(view, cacheable)

        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            # An expired form is not stored for later: it may hold a password.
            if self.has_permission(request) and is_reauthentication_required(request, app="core"):
                return redirect_to_login(request.get_full_path(), "account_reauthenticate")
            try:
                response = inner(request, *args, **kwargs)
                # Lists run most of their queries while rendering.
                return response.render() if isinstance(response, SimpleTemplateResponse) else response
            except (ValueError, OverflowError, OperationalError, DataError) as error:
                if not _asks_too_much(request, error):
                    raise
                logger.warning("%s cannot be answered: %s", request.get_full_path()[:200], error)
                raise SuspiciousOperation("The query or the selection is invalid.") from error

        return guarded


def _asks_too_much(request: HttpRequest, error: Exception) -> bool:
    """Return whether an error was caused by the request's data, not by the site."""
    if isinstance(error, OperationalError):
        # SQLite's message for an invalid pattern.
        return "user-defined function" in str(error)
    return bool(request.GET) or ACTION_CHECKBOX_NAME in request.POST
