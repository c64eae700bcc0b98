"""Move an anonymous visitor's predictions to the account at log-in."""

from typing import Any

from django.db import DatabaseError
from django.http import HttpRequest

from recognizer.identity import visitor_of
from recognizer.models import Prediction


def move_history(request: HttpRequest, user: Any, **kwargs: Any) -> None:
    """Move a visitor's predictions to the account that has logged in.

    Raises DatabaseError; the log-in then fails, and the next attempt moves the rows.
    """
    visitor = visitor_of(request)
    if visitor is None:
        return
    try:
        Prediction.objects.move(visitor, user)
    except DatabaseError:
        request.session.clear()
        raise
