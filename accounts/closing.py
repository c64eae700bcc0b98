"""Delete an account: disable it at once, then delete its data."""

from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction

from core.audit import record
from core.models import Event
from keys.models import Key
from recognizer.erasures import takes_long
from recognizer.identity import Identity
from recognizer.models import Erasure, Prediction
from recognizer.predictions import erase_predictions


def close_account(user: Any) -> Erasure | None:
    """Delete an account with all its data, or nothing; return the erasure that a worker has to finish.

    If it has much data, one transaction ends log-in, sessions and keys and frees its name; a worker deletes the rest.
    """
    predictions = Prediction.objects.filter(owner_id=user.pk)
    with transaction.atomic():
        if not takes_long(predictions):
            erase_predictions(predictions)
            user.delete()
            return None
        _put_out_of_use(user)
        erasure = Erasure.objects.queue(Identity(user=user), with_account=True)
        record(Event.ERASED, user, predictions=erasure.total)
        return erasure


def _put_out_of_use(user: Any) -> None:
    user = get_user_model().objects.select_for_update().get(pk=user.pk)
    Key.objects.filter(user=user).delete()
    # No user can choose a name with a space, and the old name is free again.
    user.username = f"erased {user.pk}"
    user.first_name = user.last_name = user.email = ""
    user.is_active = False
    # Removing the password ends all sessions.
    user.set_unusable_password()
    user.save()
