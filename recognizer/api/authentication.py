"""Who calls: a token's user, or a session, logged in or anonymous."""

from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.plumbing import build_bearer_security_scheme_object
from knox.auth import TokenAuthentication
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from keys.models import Key, Secret
from keys.usage import count_call


class KeyExpired(AuthenticationFailed):
    default_code = "key_expired"

    def __init__(self, key: Key) -> None:
        super().__init__(f"The key {key.name!r} expired on {key.expires_at:%Y-%m-%d}. Make a new token of it.")


class UserTokenAuthentication(TokenAuthentication):
    """`Authorization: Token …`, the token of a key, kept as a hash. `request.auth` is what the hash is kept in."""

    def authenticate_credentials(self, token: bytes) -> tuple[Any, Any]:
        # Other bytes are no token, and neither decode nor go into a query.
        if not token.isalnum():
            raise AuthenticationFailed("Invalid token.")
        secret = Secret.objects.proved_by(token.decode())
        if secret is None:
            raise AuthenticationFailed("Invalid token.")
        self.validate_user(secret)
        if secret.key.has_expired:
            raise KeyExpired(secret.key)
        count_call(secret.key)
        return secret.user, secret


class VisitorSessionAuthentication(SessionAuthentication):
    """A session, logged in or anonymous, with CSRF enforced for both.

    Django REST framework checks CSRF for users only, but an anonymous visitor's session owns predictions too.
    A call without a session cookie and without the headers every browser sends has no session to ride on.
    """

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        if self._could_ride_on_a_session(request):
            self.enforce_csrf(request)
        user = getattr(request._request, "user", None)
        return (user, None) if user is not None and user.is_active else None

    def _could_ride_on_a_session(self, request: Request) -> bool:
        headers = request._request.headers
        return settings.SESSION_COOKIE_NAME in request.COOKIES or "Origin" in headers or "Sec-Fetch-Site" in headers


class UserTokenScheme(OpenApiAuthenticationExtension):
    target_class = UserTokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return build_bearer_security_scheme_object("Authorization", "Token")


class VisitorSessionScheme(OpenApiAuthenticationExtension):
    target_class = VisitorSessionAuthentication
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}
