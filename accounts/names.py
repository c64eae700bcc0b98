"""Folded names: names that differ only in case, width or spaces at the ends are the same name."""

import unicodedata
from typing import Any

from django.contrib.auth.models import User

from .models import FoldedName


def fold(name: str) -> str:
    """Fold a name: NFKC, case-folded, trimmed."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    # Case-folding can decompose characters; NFKC composes them again.
    return unicodedata.normalize("NFKC", folded).strip()


def user_named(name: str) -> User | None:
    """Return the user with a name. Old accounts whose folded names are equal are told apart by exact spelling."""
    # Always run both queries, so that timing does not show whether a name exists.
    exact = User.objects.filter(username=name.strip()).first()
    alike = User.objects.filter(folded_name__folded=fold(name)).first()
    return exact or alike


def is_taken(name: str, by_other_than: User | None = None) -> bool:
    found = user_named(name)
    return found is not None and found != by_other_than


def keep_folded(
    sender: Any, instance: User, created: bool, raw: bool, update_fields: Any = None, **kwargs: Any
) -> None:
    """Store a user's folded name. Raises IntegrityError if a new user's name is taken."""
    if raw or (update_fields is not None and "username" not in update_fields):
        return
    folded = fold(instance.username)
    if created:
        FoldedName.objects.create(user=instance, folded=folded)
    elif not FoldedName.objects.filter(folded=folded).exclude(user=instance).exists():
        FoldedName.objects.update_or_create(user=instance, defaults={"folded": folded})
