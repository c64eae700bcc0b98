"""Errors of decoding a picture."""

from enum import StrEnum


class Unreadable(StrEnum):
    EMPTY = "empty"
    UNSUPPORTED_TYPE = "unsupported_type"
    TRUNCATED = "truncated"
    UNREADABLE = "unreadable"
    ANIMATED = "animated"
    SEVERAL_PAGES = "several_pages"
    TOO_LARGE = "too_large"
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_MANY_PIECES = "too_many_pieces"


class UnreadableImage(Exception):
    """The reader does not accept these bytes. `code` is for programs, `str()` for people."""

    def __init__(self, code: Unreadable, message: str) -> None:
        super().__init__(message)
        self.code = code
