"""Second factors: an authenticator app, passkeys, and recovery codes as a substitute for both."""

import base64
import secrets
from typing import Any

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.contrib.auth.models import User
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext, gettext_lazy

from core.audit import record
from core.models import Event

KINDS = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]
"""Kinds that count as a second factor. Recovery codes only substitute for one."""


class Factors(DefaultMFAAdapter):
    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": gettext_lazy("This code is wrong, or was used before.")
    }

    def encrypt(self, text: str) -> str:
        return _box().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Decrypt a secret. One encrypted with an unknown SECRET_KEY gives a random one, for which no code is right."""
        try:
            return _box().decrypt(encrypted_text.encode()).decode()
        except InvalidToken:
            return base64.b32encode(secrets.token_bytes(20)).decode()

    def generate_authenticator_name(self, user: Any, type: Any) -> str:  # noqa: A002  # allauth's name
        number = Authenticator.objects.filter(user_id=user.pk, type=type).count()
        return gettext("Passkey %(number)d") % {"number": number + 1} if number else gettext("Passkey")


def has_second_factor(user: Any) -> bool:
    return Authenticator.objects.filter(user_id=user.pk, type__in=KINDS).exists()


def remove_factors(user: User) -> None:
    """Remove all second factors of a user."""
    factors = Authenticator.objects.filter(user=user)
    kinds = ", ".join(sorted(factors.values_list("type", flat=True)))
    if kinds:
        factors.delete()
        record(Event.MFA_REMOVED, user, factors=kinds)


def _box() -> MultiFernet:
    """Return the cipher: it encrypts with SECRET_KEY, and also decrypts with earlier ones."""
    words = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    keys = [salted_hmac("accounts.factors", "", secret=word, algorithm="sha256").digest() for word in words]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in keys])
