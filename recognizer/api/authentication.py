"""Authenticate API calls: by a key's token, or by the session of a user or an anonymous visitor."""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.utils.translation import gettext, gettext_lazy
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, SessionAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from keys.models import PUBLISHABLE, Key, Secret
from keys.usage import count_call
from recognizer.identity import COOKIE

from .codes import Code

HOW = gettext_lazy("Send `Authorization: Bearer KEY` with a key from /api-access/.")
SCHEMES = (b"bearer", b"token")
ELSEWHERE = ("X-Api-Key", "Api-Key", "X-Auth-Token", "X-Access-Token")
"""Headers in which other APIs expect a key."""


class KeyExpired(AuthenticationFailed):
    default_code = Code.KEY_EXPIRED

    def __init__(self, key: Key) -> None:
        super().__init__(
            gettext("The key %(name)r expired on %(date)s. Give it a new token.")
            % {"name": key.name, "date": f"{key.expires_at:%Y-%m-%d}"}
        )


class InvalidCredential(AuthenticationFailed):
    def __init__(self, what: str) -> None:
        super().__init__(f"{what} {HOW}")


class OriginNotAllowed(PermissionDenied):
    default_detail = gettext_lazy("This key works only on pages of the sites that its owner named.")
    default_code = Code.ORIGIN_NOT_ALLOWED


class UserTokenAuthentication(BaseAuthentication):
    """Authenticate `Authorization: Bearer KEY` or `Token KEY`. `request.auth` is the Secret with the token's hash.

    Any other credential is refused. If it were ignored, the caller would become an anonymous visitor and not find
    their pictures again. Calls with a publishable key are anonymous, and their cookies are ignored.
    """

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        if "Authorization" not in request.headers:
            if name := next((name for name in ELSEWHERE if name in request.headers), None):
                raise InvalidCredential(gettext("Keys in the header %(name)s are not accepted.") % {"name": name})
            return None
        scheme, *rest = get_authorization_header(request).split() or [b""]
        if scheme.lower() not in SCHEMES:
            raise InvalidCredential(gettext("This Authorization scheme is not accepted."))
        if len(rest) != 1:
            raise InvalidCredential(gettext("Invalid token."))
        return self.authenticate_credentials(rest[0], request.headers.get("Origin", ""))

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"

    def authenticate_credentials(self, token: bytes, origin: str) -> tuple[Any, Any]:
        # Anything but ASCII letters and digits is not a token, and may not decode or not fit into a query.
        is_token = token.removeprefix(PUBLISHABLE.encode()).isalnum()
        secret = Secret.objects.proved_by(token.decode()) if is_token else None
        if secret is None or not secret.user.is_active:
            raise InvalidCredential(gettext("Invalid token."))
        if secret.key.has_expired:
            raise KeyExpired(secret.key)
        if secret.key.is_publishable:
            if not secret.key.origins.filter(origin=origin).exists():
                raise OriginNotAllowed()
            count_call(secret.key)
            return AnonymousUser(), secret
        count_call(secret.key)
        return secret.user, secret


class VisitorSessionAuthentication(SessionAuthentication):
    """Authenticate by session or by an anonymous visitor's cookie, with CSRF enforced for both.

    Django REST framework checks CSRF for users only, but anonymous visitors own predictions too. A call with
    neither cookie and without the headers that every browser sends cannot be forged, and needs no token.
    """

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        if self._could_ride_on_a_cookie(request):
            self.enforce_csrf(request)
        user = getattr(request._request, "user", None)
        return (user, None) if user is not None and user.is_active else None

    def _could_ride_on_a_cookie(self, request: Request) -> bool:
        headers = request._request.headers
        cookies = {settings.SESSION_COOKIE_NAME, COOKIE} & set(request.COOKIES)
        return bool(cookies) or "Origin" in headers or "Sec-Fetch-Site" in headers


class UserTokenScheme(OpenApiAuthenticationExtension):
    target_class = UserTokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "description": "The token of a key. Create keys at /api-access/."}
