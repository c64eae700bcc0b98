"""Audit entries about accounts: log-ins, log-outs, and changes of rights."""

import json
from typing import Any

from allauth.account.signals import password_changed, password_reset, password_set
from allauth.mfa.signals import (
    authentication_failed,
    authenticator_added,
    authenticator_removed,
    authenticator_reset,
)
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import models
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_save
from django.dispatch import receiver

from core.audit import forget_name, name_of, record
from core.models import Event

from .names import user_named

POWERS = ("is_active", "is_staff", "is_superuser")
VERBS = {"post_add": "given", "post_remove": "taken", "pre_clear": "cleared"}


@receiver(user_logged_in)
def note_login(user: Any, **kwargs: Any) -> None:
    record(Event.LOGGED_IN, user=user)


@receiver(user_logged_out)
def note_logout(user: Any, **kwargs: Any) -> None:
    # Deleting the account has logged the user out already.
    if user is not None and user.pk is not None:
        record(Event.LOGGED_OUT, user=user)


@receiver(user_login_failed)
def note_failed_login(credentials: dict[str, Any], **kwargs: Any) -> None:
    # An unknown name is not recorded: it may be a password typed into the wrong field.
    name = str(credentials.get("username") or credentials.get("email") or "")
    meant = user_named(name) if name.isprintable() else None
    record(Event.LOGIN_FAILED, meant or "an unknown name")


@receiver(password_changed)
@receiver(password_reset)
@receiver(password_set)
def note_changed_password(user: Any, **kwargs: Any) -> None:
    record(Event.PASSWORD_CHANGED, user, user=user)


@receiver(authenticator_added)
@receiver(authenticator_reset)
def note_new_factor(user: Any, authenticator: Any, **kwargs: Any) -> None:
    record(Event.MFA_ADDED, user, user=user, factor=authenticator.type)


@receiver(authenticator_removed)
def note_lost_factor(user: Any, authenticator: Any, **kwargs: Any) -> None:
    record(Event.MFA_REMOVED, user, user=user, factor=authenticator.type)


@receiver(authentication_failed)
def note_failed_factor(user: Any, authenticator: Any, **kwargs: Any) -> None:
    record(Event.LOGIN_FAILED, user, factor=authenticator.type)


@receiver(pre_save, sender=User)
def note_changed_powers(instance: User, update_fields: Any = None, **kwargs: Any) -> None:
    watched = [name for name in POWERS if update_fields is None or name in update_fields]
    before = User.objects.filter(pk=instance.pk).values(*watched).first() if watched and instance.pk else None
    changed = {name: getattr(instance, name) for name in watched if before and before[name] != getattr(instance, name)}
    if changed:
        record(Event.PERMISSIONS_CHANGED, instance, **changed)


@receiver(post_save, sender=User)
def note_new_account(instance: User, created: bool, raw: bool, **kwargs: Any) -> None:
    if created and not raw:
        record(Event.ACCOUNT_MADE, instance, **{name: True for name in POWERS[1:] if getattr(instance, name)})


@receiver(post_delete, sender=User)
def note_erased_account(instance: User, **kwargs: Any) -> None:
    record(Event.ERASED, instance)
    # Entries of what staff did keep their name.
    if not instance.is_staff:
        forget_name(instance.pk)


@receiver(m2m_changed, sender=User.user_permissions.through)
@receiver(m2m_changed, sender=User.groups.through)
@receiver(m2m_changed, sender=Group.permissions.through)
def note_given_permissions(
    instance: models.Model,
    action: str,
    reverse: bool,
    model: type[models.Model],
    pk_set: set[int] | None,
    **kwargs: Any,
) -> None:
    if action not in VERBS:
        return
    others = model._default_manager.filter(pk__in=pk_set) if pk_set is not None else ["all"]
    names = ", ".join(sorted(_in_words(other) for other in others))
    if names:
        record(Event.PERMISSIONS_CHANGED, instance, **{VERBS[action]: names})


def _in_words(other: Any) -> str:
    if isinstance(other, Permission):
        return f"{other.content_type.app_label}.{other.codename}"
    return name_of(other) if isinstance(other, models.Model) else str(other)


@receiver(post_save, sender=LogEntry)
def note_work_of_staff(instance: LogEntry, created: bool, raw: bool, **kwargs: Any) -> None:
    """Record an action in the admin, with the names of the changed fields but not their values."""
    if not created or raw:
        return
    what = f"{instance.content_type.name if instance.content_type else 'row'} {instance.object_id}"
    fields = ", ".join(_fields_of(instance.change_message))
    verb = instance.get_action_flag_display()
    record(Event.CHANGED_BY_STAFF, what, user=instance.user, **{"how": verb} | ({"fields": fields} if fields else {}))


def _fields_of(message: str) -> list[str]:
    try:
        parts = json.loads(message) if message.startswith("[") else []
    except ValueError:
        return []
    return [str(field) for part in parts for field in part.get("changed", {}).get("fields", [])]
