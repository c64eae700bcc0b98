"""Models of no particular app."""

import datetime
from typing import Any

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy


class WriteProbe(models.Model):
    """The row that health checks write, to see whether the database accepts writes."""

    at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.at)


class FileToDelete(models.Model):
    """A stored file without a row that the storage failed to delete. A worker retries."""

    name = models.CharField(max_length=255, unique=True)

    class Meta:
        verbose_name_plural = gettext_lazy("files to delete")

    def __str__(self) -> str:
        return self.name


class Event(models.TextChoices):
    """Events in the audit log."""

    LOGGED_IN = "logged_in", gettext_lazy("logged in")
    LOGGED_OUT = "logged_out", gettext_lazy("logged out")
    LOGIN_FAILED = "login_failed", gettext_lazy("failed to log in")
    REFUSED = "refused", gettext_lazy("was refused")
    ACCOUNT_MADE = "account_made", gettext_lazy("created an account")
    PASSWORD_CHANGED = "password_changed", gettext_lazy("changed a password")
    RESET_LINK_MADE = "reset_link_made", gettext_lazy("created a reset link")
    MFA_ADDED = "mfa_added", gettext_lazy("added a second factor")
    MFA_REMOVED = "mfa_removed", gettext_lazy("removed a second factor")
    SESSION_ENDED = "session_ended", gettext_lazy("ended a session")
    KEY_MADE = "key_made", gettext_lazy("created a key")
    KEY_CHANGED = "key_changed", gettext_lazy("changed a key")
    KEY_RENEWED = "key_renewed", gettext_lazy("renewed a key")
    KEY_REVOKED = "key_revoked", gettext_lazy("revoked a key")
    PERMISSIONS_CHANGED = "permissions_changed", gettext_lazy("changed permissions")
    REVIEWED = "reviewed", gettext_lazy("reviewed a correction")
    PROMOTED = "promoted", gettext_lazy("promoted a version")
    ROLLED_BACK = "rolled_back", gettext_lazy("rolled back")
    ERASED = "erased", gettext_lazy("erased data")
    IMPORTED = "imported", gettext_lazy("imported pictures")
    EXPORTED = "exported", gettext_lazy("exported data")
    CHANGED_BY_STAFF = "changed_by_staff", gettext_lazy("changed as staff")

    @classmethod
    def of_strangers(cls) -> list["Event"]:
        """Events that strangers can cause by sending requests."""
        return [cls.LOGIN_FAILED, cls.REFUSED]


def events() -> list[tuple[str, Any]]:
    """Return the choices of a column, so that a new event needs no migration."""
    return Event.choices


class AuditEntry(models.Model):
    """An entry of the audit log. It names rows by number and outlives them."""

    at = models.DateTimeField(default=timezone.now)
    event = models.CharField(max_length=20, choices=events)
    user_number = models.BigIntegerField(gettext_lazy("number of the user"), null=True)
    user_name = models.CharField(gettext_lazy("user"), max_length=150, blank=True)
    key_number = models.BigIntegerField(gettext_lazy("key"), null=True)
    address = models.CharField(gettext_lazy("address (IPv6: its /64 network)"), max_length=45, blank=True)
    target = models.CharField(gettext_lazy("on what"), max_length=200, blank=True)
    facts = models.JSONField(default=dict)

    class Meta:
        ordering = ["-at", "-id"]
        verbose_name_plural = gettext_lazy("audit log")
        indexes = [
            models.Index(F("at").desc(), F("id").desc(), name="audit_by_time"),
            models.Index(F("event"), F("at").desc(), F("id").desc(), name="audit_of_event"),
            models.Index(F("user_number"), F("at").desc(), F("id").desc(), name="audit_of_user"),
            models.Index(F("address"), F("at").desc(), F("id").desc(), name="audit_of_address"),
            models.Index(F("target"), F("at").desc(), F("id").desc(), name="audit_of_target"),
        ]

    def __str__(self) -> str:
        return " ".join(filter(None, [self.who, self.get_event_display(), self.target]))

    @property
    def who(self) -> str:
        """The user's name; the number if the account is deleted; or that the sender is unknown."""
        known = gettext("somebody") if self.address else gettext("the site")
        return self.user_name or (
            gettext("user %(number)d") % {"number": self.user_number} if self.user_number else known
        )

    @property
    def facts_in_words(self) -> str:
        return ", ".join(f"{name.replace('_', ' ')}: {fact}" for name, fact in self.facts.items())

    def as_json(self) -> dict[str, Any]:
        """Return the entry as in the JSON log."""
        named = {
            "event": self.event,
            "user": self.user_number,
            "name": self.user_name,
            "key": self.key_number,
            "address": self.address,
            "target": self.target,
        }
        return {"entry": self.pk} | {name: fact for name, fact in named.items() if fact} | {"about": self.facts}

    @staticmethod
    def older_than(days: int) -> Q:
        return Q(at__lt=timezone.now() - datetime.timedelta(days=days))
