"""What can be wrong with the bytes a stranger sends."""


class UnreadableImage(Exception):
    """The bytes are no picture this reader takes. `code` is for programs, `str()` for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
