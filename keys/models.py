"""API keys with their scopes, lifetime and rate limit; their tokens; and their daily usage."""

import datetime
from collections.abc import Iterable
from typing import Any, Self

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.db.models import Q
from django.db.models.signals import post_delete
from django.dispatch import receiver
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy
from knox.crypto import hash_token
from knox.models import AbstractAuthToken, AuthTokenManager

from core.audit import record
from core.models import Event
from core.queries import Prepared

MAX_KEYS = 10
"""Largest number of keys of one user."""

MAX_CALLS = 1200
"""Largest rate limit of a key, in calls per minute: the largest limit of a user."""

MAX_ORIGINS = 20
"""Largest number of origins of a publishable key."""

PUBLISHABLE = "pk_"
"""How the token of a publishable key starts."""

GRACE = datetime.timedelta(days=1)
"""How long the old token may keep working after a new one is created."""


class TooManyKeys(Exception):
    """A user has as many keys as allowed."""

    def __init__(self) -> None:
        super().__init__(
            gettext("You already have %(number)d keys, the most allowed. Revoke one first.") % {"number": MAX_KEYS}
        )


class Scope(models.TextChoices):
    READ = "read", gettext_lazy("get and list predictions and their pictures")
    WRITE = "write", gettext_lazy("send pictures; correct and delete predictions")
    BATCH = "batch", gettext_lazy("send, follow and delete batches")
    OTHERS = (
        "others",
        gettext_lazy("reach other people's predictions and batches, as far as your own permissions allow"),
    )
    PREVIEW = "preview", gettext_lazy("read drawings from your web pages without storing them")


class Lifetime(models.IntegerChoices):
    MONTH = 30, gettext_lazy("in 30 days")
    QUARTER = 90, gettext_lazy("in 90 days")
    YEAR = 365, gettext_lazy("in 365 days")
    __empty__ = gettext_lazy("never")


def every_scope() -> list[str]:
    """Return the default scopes of a key: all that concern the owner's own data."""
    return [scope for scope in Scope.values if scope not in (Scope.OTHERS, Scope.PREVIEW)]


class KeyQuerySet(models.QuerySet["Key"]):
    def of(self, user: Any) -> Self:
        return self.filter(user=user).prefetch_related("secrets", "origins")

    def issue(
        self,
        user: Any,
        name: str = "key",
        scopes: Iterable[str] | None = None,
        days: int | None = None,
        limit: int | None = None,
        origins: Iterable[str] = (),
    ) -> "tuple[Key, str]":
        """Create a key for a user. Returns it with its token, of which only the hash is stored. Raises TooManyKeys.

        origins: makes a publishable key for pages of these origins; its only scope is then `preview`.
        """
        with transaction.atomic():
            # Locked, so that two simultaneous keys are counted one after the other.
            get_user_model().objects.select_for_update().only("pk").get(pk=user.pk)
            if self.filter(user=user).count() >= MAX_KEYS:
                raise TooManyKeys()
            if origins:
                scopes = [Scope.PREVIEW]
            key = self.create(
                user=user, name=name, scopes=every_scope() if scopes is None else list(scopes), days=days, limit=limit
            )
            key.allow_only(origins)
            record(Event.KEY_MADE, key, user=user, scopes=" ".join(key.scopes))
            return key, key.make_token()


class Key(models.Model):  # type: ignore[django-manager-missing]  # knox has no types
    """An API key: what a program may do for a user. The program authenticates with the key's token."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="keys")
    name = models.CharField(max_length=60)
    scopes = models.JSONField(default=every_scope)
    days = models.PositiveSmallIntegerField(gettext_lazy("expires"), choices=Lifetime.choices, null=True, blank=True)
    expires_at = models.DateTimeField(gettext_lazy("expires"), null=True, blank=True)
    limit = models.PositiveIntegerField(
        gettext_lazy("calls a minute"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_CALLS)],
    )
    created_at = models.DateTimeField(gettext_lazy("made"), default=timezone.now)
    last_used_at = models.DateTimeField(gettext_lazy("last used"), null=True, blank=True)

    objects = KeyQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("key", args=[self.pk])

    @property
    def may_act_as_staff(self) -> bool:
        """Whether it has its owner's staff permissions. With STAFF_MFA, it must be created with a second factor."""
        if settings.STAFF_MFA != "required":
            return True
        factors = Authenticator.objects.filter(user=self.user_id, created_at__lte=self.created_at)
        return factors.exclude(type=Authenticator.Type.RECOVERY_CODES).exists()

    @property
    def start(self) -> str:
        """The first characters of the token, by which its owner recognises it."""
        newest = max(self.secrets.all(), key=lambda secret: secret.created, default=None)
        return newest.token_key if newest else ""

    @property
    def has_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()

    @property
    def is_publishable(self) -> bool:
        """Whether it may be shown in web pages: it only reads previews, for pages of its origins."""
        return self.scopes == [Scope.PREVIEW]

    def allows(self, scope: Scope | None) -> bool:
        """Return whether the key has a scope. None means any scope but `preview`; `write` includes `preview`."""
        if scope is None:
            return not self.is_publishable
        return scope in self.scopes or (scope == Scope.PREVIEW and Scope.WRITE in self.scopes)

    def allow_only(self, origins: Iterable[str]) -> None:
        """Allow the key on pages of these origins only."""
        with transaction.atomic():
            self.origins.all().delete()
            Origin.objects.bulk_create(Origin(key=self, origin=origin) for origin in origins)

    def renew(self, grace: datetime.timedelta | None = None) -> str:
        """Create a new token, whose lifetime starts now, and return it.

        The old token ends at once or after a grace period, but never later than it would have expired.
        """
        with transaction.atomic():
            record(Event.KEY_RENEWED, self)
            return self.make_token(grace)

    def make_token(self, grace: datetime.timedelta | None = None) -> str:
        """As `renew`, without an audit entry."""
        with transaction.atomic():
            if grace is None:
                self.secrets.all().delete()
            else:
                now = timezone.now()
                ends = now + grace if self.expires_at is None else min(now + grace, self.expires_at)
                self.secrets.filter(Q(expiry=None) | Q(expiry__gt=ends)).update(expiry=ends)
                self.secrets.filter(expiry__lte=now).delete()
            self.expires_at = None if self.days is None else timezone.now() + datetime.timedelta(days=self.days)
            self.save(update_fields=["expires_at"])
            prefix = PUBLISHABLE if self.is_publishable else ""
            _, token = Secret.objects.create(self.user, expiry=None, prefix=prefix, key=self)
        return str(token)


@receiver(post_delete, sender=Key)
def note_revocation(instance: Key, **kwargs: Any) -> None:
    record(Event.KEY_REVOKED, instance)


class Origin(models.Model):
    """An origin whose pages may use a publishable key, as browsers send it: `https://shop.example`."""

    key = models.ForeignKey(Key, models.CASCADE, related_name="origins")
    origin = models.CharField(max_length=300, db_index=True)

    class Meta:
        ordering = ["origin"]

    def __str__(self) -> str:
        return self.origin


class SecretManager(AuthTokenManager):
    def get_queryset(self) -> Any:
        # Every call needs the user and the key too.
        return super().get_queryset().select_related("key", "user")

    def proved_by(self, token: str) -> "Secret | None":
        """Return a token's secret, or None if it is unknown or has expired; an expired one is deleted.

        Knox's own lookup also checks all other secrets of the user at each call.
        """
        secret = _SECRETS.row(hash_token(token))
        if secret is not None and secret.has_ended:
            secret.delete()
            return None
        return secret


class Secret(AbstractAuthToken):
    """The hash of a token. Its expiry is set when a new token replaces it."""

    key = models.ForeignKey(Key, models.CASCADE, related_name="secrets")

    objects = SecretManager()

    def __str__(self) -> str:
        return f"{self.token_key}… of {self.key}"

    @property
    def has_ended(self) -> bool:
        return self.expiry is not None and self.expiry <= timezone.now()


_SECRETS = Prepared(Secret, "digest")


class DayOfUse(models.Model):
    """Number of calls with a key on one day (UTC)."""

    key = models.ForeignKey(Key, models.CASCADE, related_name="days_of_use")
    day = models.DateField()
    calls = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["day"]
        constraints = [models.UniqueConstraint(fields=["key", "day"], name="one_count_a_key_and_day")]

    def __str__(self) -> str:
        return f"{self.calls} calls on {self.day}"
