"""Authentication backend."""

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend

from .names import user_named


class ByName(AuthenticationBackend):
    """Log-in by name, ignoring case and width, and password. An unknown name takes as long as a known one."""

    def _authenticate_by_username(self, username: str, password: str) -> Any:
        return self._check_password(user_named(username), password)
