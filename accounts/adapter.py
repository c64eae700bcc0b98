"""This site's django-allauth adapters."""

import unicodedata
from ipaddress import ip_address
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.core.internal import ratelimit
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy

from core.callers import address_of
from core.redirects import own_path

from . import mail
from .language import in_language_of, language_of, remember
from .names import fold, is_taken
from .proof import has_lapsed

WAYS = {
    "reauthenticate": gettext_lazy("Use the password"),
    "mfa_reauthenticate": gettext_lazy("Use a code"),
    "mfa_reauthenticate:webauthn": gettext_lazy("Use a passkey"),
}
APP = "allauth.account"
"""The app whose rate limits apply."""


class Adapter(DefaultAccountAdapter):
    error_messages = DefaultAccountAdapter.error_messages | {
        "username_password_mismatch": gettext_lazy("Please enter the correct username and password."),
        "enter_current_password": gettext_lazy("This is not your password."),
        "incorrect_password": gettext_lazy("This is not your password."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return bool(settings.SIGN_UP == "open")

    def is_ajax(self, request: HttpRequest) -> bool:
        """Always answer with pages, never with JSON."""
        return False

    def is_safe_url(self, url: str) -> bool:
        return own_path(context.request, url) != ""

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the client's address for rate limits and session lists; none for a local socket without an address."""
        address = address_of(request)
        try:
            ip_address(address)
        except ValueError:
            return "::"
        return address

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        methods = super().get_reauthentication_methods(user)
        return [method | {"description": WAYS[method["id"]]} for method in methods]

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        return has_lapsed(context.request)

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("account")

    def clean_username(self, username: str, shallow: bool = False) -> str:
        name = unicodedata.normalize("NFKC", username).strip()
        for validate in User._meta.get_field("username").validators:
            validate(name)
        if not shallow and is_taken(name):
            raise self.validation_error("username_taken")
        return name

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        with in_language_of(context.get("user")):
            mail.in_background(super().send_mail, template_prefix, email, context)

    def post_login(self, request: HttpRequest, user: Any, **kwargs: Any) -> HttpResponse:
        if kwargs["signup"]:
            messages.success(
                request, gettext("Welcome, %(name)s. Your history is kept from now on.") % {"name": user.get_username()}
            )
        response: HttpResponse = super().post_login(request, user, **kwargs)
        if code := language_of(user):
            remember(response, code)
        return response

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count a failed log-in before the password is checked, and undo it if the password is right.

        A name is locked for the address that guesses; for all addresses only if many guess.
        """
        name = credentials.get("username", "")
        here = self._here(request, name)
        self._login_failed_rl_usage = ratelimit.consume(request, app=APP, action="login_failed", key=here)
        self._anywhere = ratelimit.consume(request, app=APP, action="login_failed_anywhere", key=fold(name))
        if not (self._login_failed_rl_usage and self._anywhere):
            raise ImmediateHttpResponse(ratelimit.respond_429(request))

    def forget_guesses(self, request: HttpRequest, name: str) -> None:
        """Log in a user who has just set a new password."""
        for action, key in (("login_failed", self._here(request, name)), ("login_failed_anywhere", fold(name))):
            ratelimit.clear(request, app=APP, action=action, key=key)

    def _here(self, request: HttpRequest, name: str) -> str:
        return f"{fold(name)} {address_of(request)}"

    def authenticate(self, request: HttpRequest, **credentials: Any) -> Any:
        user = super().authenticate(request, **credentials)
        if user and self._anywhere:
            self._anywhere.rollback()
        return user


def forget_guesses(request: HttpRequest, user: Any, **kwargs: Any) -> None:
    Adapter(request).forget_guesses(request, user.get_username())
