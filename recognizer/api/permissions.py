from typing import Any

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from keys.models import Scope, Secret


class MissingScope(PermissionDenied):
    default_code = "missing_scope"

    def __init__(self, scope: Scope) -> None:
        super().__init__(f"This call needs a key with the scope {scope.value!r}: to {scope.label}.")


class ScopeOfKey(BasePermission):
    """Hold a call that comes with a key to the scope its view names; None there asks for none."""

    def has_permission(self, request: Request, view: Any) -> bool:
        needed = view.key_scope
        if needed is not None and isinstance(request.auth, Secret) and needed not in request.auth.key.scopes:
            raise MissingScope(needed)
        return True
