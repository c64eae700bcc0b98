"""What can go wrong between a picture and a stored prediction, beside the picture itself."""

from .reading import Reason


class NoNumber(Exception):
    """The picture was read and holds no number. `code` is for programs, `str()` for people."""

    SENTENCES = {
        Reason.NO_INK: "There is nothing written on this picture.",
        Reason.NOT_A_NUMBER: "What is written here does not look like a number.",
    }

    def __init__(self, reason: Reason) -> None:
        super().__init__(self.SENTENCES[reason])
        self.code = reason.value


class KeyReused(Exception):
    """A call came under an Idempotency-Key that another call was made under."""


class NoServingVersion(Exception):
    """No network can be served: none is installed, or its file is missing or damaged."""
