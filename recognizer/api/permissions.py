from typing import Any

from django.utils.translation import gettext
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from keys.models import Scope, Secret

from .codes import Code


class MissingScope(PermissionDenied):
    default_code = Code.MISSING_SCOPE

    def __init__(self, scope: Scope | None) -> None:
        if scope is None:
            super().__init__(gettext("This call needs a secret key."))
        else:
            super().__init__(
                gettext("This call needs a key with the scope %(scope)r (%(label)s).")
                % {"scope": scope.value, "label": scope.label}
            )


class ScopeOfKey(BasePermission):
    """Require the scope in the view's `key_scope` of a call with a key. None means any scope but `preview`."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if request.method == "OPTIONS":
            return True
        if isinstance(request.auth, Secret) and not request.auth.key.allows(view.key_scope):
            raise MissingScope(view.key_scope)
        return True
