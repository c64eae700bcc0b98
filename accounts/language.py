"""The chosen language: stored in a cookie, and for users in the account, so that new devices know it."""

from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.utils import translation

from .models import Language


def language_of(user: Any) -> str | None:
    """Return the language that a user has chosen, or None."""
    code = Language.objects.filter(user_id=user.pk).values_list("code", flat=True).first() if user else None
    return code if code in dict(settings.LANGUAGES) else None


def choose(response: HttpResponse, user: Any, code: str) -> None:
    """Store a chosen language in a cookie, and in the account of a logged-in user."""
    remember(response, code)
    if user.is_authenticated:
        Language.objects.update_or_create(user=user, defaults={"code": code})


def remember(response: HttpResponse, code: str) -> None:
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        code,
        max_age=settings.LANGUAGE_COOKIE_AGE,
        secure=settings.LANGUAGE_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def in_language_of(user: Any) -> Any:
    """Return a context in which texts are in a user's chosen language, or else in the request's."""
    return translation.override(language_of(user) or translation.get_language())
