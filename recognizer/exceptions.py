"""Errors between a picture and a stored prediction, other than an unreadable picture."""

from django.utils.translation import gettext_lazy

from .reading import Reason


class NoNumber(Exception):
    """The picture has no number. `code` is for programs, `str()` for people."""

    SENTENCES = {
        Reason.NO_INK: gettext_lazy("There is no writing in this picture."),
        Reason.NOT_A_NUMBER: gettext_lazy("The writing does not look like a number."),
        Reason.ONLY_PRINT: gettext_lazy("This picture has only printed lines and letters. Write the number by hand."),
        Reason.NO_PAPER: gettext_lazy("There is no paper in this picture. Take it again so that the sheet fills it."),
        Reason.TOO_FAINT: gettext_lazy(
            "The writing is too faint to read. Write darker, or take the picture in better light."
        ),
    }

    def __init__(self, reason: Reason) -> None:
        super().__init__(self.SENTENCES[reason])
        self.code = reason.value


class KeyReused(Exception):
    """Another call was made with this Idempotency-Key."""


class QuotaExceeded(Exception):
    """A quota is used up. `str()` says which, and what to do."""


class TooBusy(Exception):
    """This process, or this caller, has as many readings in progress as allowed."""


class NoServingVersion(Exception):
    """No network can be loaded: none is installed, or its file is missing or damaged."""
