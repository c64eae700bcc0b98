"""Links to set a new password, for users who have lost it or all their second factors."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.contrib.auth.models import User

from core.audit import record
from core.models import Event


def make_link(user: User) -> str:
    """Return a URL to set a user's password. It works once, for a day."""
    record(Event.RESET_LINK_MADE, user)
    key = f"{user_pk_to_url_str(user)}-{default_token_generator.make_token(user)}"
    link: str = get_adapter().get_reset_password_from_key_url(key)
    return link


def may_let_in(staff: Any, user: User) -> bool:
    """Return whether staff may reset a user's access. Only superusers may for users with more rights."""
    return bool(staff.is_superuser or not (user.is_staff or user.is_superuser))
