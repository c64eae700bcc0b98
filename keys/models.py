"""Keys of programs: what each may do, until when and how often; their secrets; and how much each was used."""

import datetime
from collections.abc import Iterable
from typing import Any, Self

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from knox.crypto import hash_token
from knox.models import AbstractAuthToken, AuthTokenManager

MOST_KEYS = 10
"""Keys of one user."""

MOST_CALLS = 1200
"""Calls a minute that a key may be limited to: no kind of call is allowed to its user more often."""

GRACE = datetime.timedelta(days=1)
"""How long a token goes on after a new one was made, where its owner wants it to."""


class TooManyKeys(Exception):
    """A user has as many keys as one may have."""

    def __init__(self) -> None:
        super().__init__(f"You have {MOST_KEYS} keys. Revoke one first.")


class Scope(models.TextChoices):
    READ = "read", "look at predictions and their pictures"
    WRITE = "write", "send pictures, flag and delete predictions"
    BATCH = "batch", "send, follow and erase batches"


class Lifetime(models.IntegerChoices):
    MONTH = 30, "in 30 days"
    QUARTER = 90, "in 90 days"
    YEAR = 365, "in 365 days"
    __empty__ = "never"


def every_scope() -> list[str]:
    return list(Scope.values)


class KeyQuerySet(models.QuerySet["Key"]):
    def of(self, user: Any) -> Self:
        return self.filter(user=user).prefetch_related("secrets")

    def issue(
        self,
        user: Any,
        name: str = "key",
        scopes: Iterable[str] = Scope.values,
        days: int | None = None,
        limit: int | None = None,
    ) -> "tuple[Key, str]":
        """Make a key of a user. Returns it with its token, which is kept as a hash only.

        Raises TooManyKeys.
        """
        with transaction.atomic():
            # Two keys made at once take turns to be counted.
            get_user_model().objects.select_for_update().only("pk").get(pk=user.pk)
            if self.filter(user=user).count() >= MOST_KEYS:
                raise TooManyKeys()
            key = self.create(user=user, name=name, scopes=list(scopes), days=days, limit=limit)
            return key, key.renew()


class Key(models.Model):  # type: ignore[django-manager-missing]  # knox has no types
    """What a program may do in its user's name. Its token, which may change, proves that the program has it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="keys")
    name = models.CharField(max_length=60)
    scopes = models.JSONField(default=every_scope)
    days = models.PositiveSmallIntegerField("expires", choices=Lifetime.choices, null=True, blank=True)
    expires_at = models.DateTimeField("expires", null=True, blank=True)
    limit = models.PositiveIntegerField(
        "calls a minute", null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(MOST_CALLS)]
    )
    created_at = models.DateTimeField("made", default=timezone.now)
    last_used_at = models.DateTimeField("last used", null=True, blank=True)

    objects = KeyQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("key", args=[self.pk])

    @property
    def start(self) -> str:
        """The first letters of the token, by which its owner knows it."""
        newest = max(self.secrets.all(), key=lambda secret: secret.created, default=None)
        return newest.token_key if newest else ""

    @property
    def has_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()

    def renew(self, grace: datetime.timedelta | None = None) -> str:
        """Make a new token, whose lifetime starts now, and return it. The old one ends at once, or after a grace."""
        with transaction.atomic():
            if grace is None:
                self.secrets.all().delete()
            else:
                now = timezone.now()
                ends = now + grace
                self.secrets.filter(expiry__lte=now).delete()
                self.secrets.filter(Q(expiry=None) | Q(expiry__gt=ends)).update(expiry=ends)
            self.expires_at = None if self.days is None else timezone.now() + datetime.timedelta(days=self.days)
            self.save(update_fields=["expires_at"])
            _, token = Secret.objects.create(self.user, expiry=None, key=self)
        return str(token)


class SecretManager(AuthTokenManager):
    def get_queryset(self) -> Any:
        # Whoever looks a token up wants to know whose it is and what it may.
        return super().get_queryset().select_related("key", "user")

    def proved_by(self, token: str) -> "Secret | None":
        """Return a token's secret, None where there is none. One that has ended is deleted and none too.

        Knox looks through all other secrets of the user as well, at each call.
        """
        try:
            secret: Secret = self.get(digest=hash_token(token))
        except Secret.DoesNotExist:
            return None
        if secret.has_ended:
            secret.delete()
            return None
        return secret


class Secret(AbstractAuthToken):
    """The hash of a token. Its expiry is set once another has taken its place."""

    key = models.ForeignKey(Key, models.CASCADE, related_name="secrets")

    objects = SecretManager()

    def __str__(self) -> str:
        return f"{self.token_key}… of {self.key}"

    @property
    def has_ended(self) -> bool:
        return self.expiry is not None and self.expiry <= timezone.now()


class DayOfUse(models.Model):
    """How many calls came with a key on one day, by UTC."""

    key = models.ForeignKey(Key, models.CASCADE, related_name="days_of_use")
    day = models.DateField()
    calls = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["day"]
        constraints = [models.UniqueConstraint(fields=["key", "day"], name="one_count_a_key_and_day")]

    def __str__(self) -> str:
        return f"{self.calls} calls on {self.day}"
