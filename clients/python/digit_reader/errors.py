"""Exceptions of the client."""


class Refused(Exception):
    """The site refused a call. code: one of the error codes in docs/api.md."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{detail} ({code})")
        self.code = code


class BatchFailed(Exception):
    """A batch failed or was cancelled."""
