"""Why a call gave nothing."""


class Refused(Exception):
    """The site refused a call. code: a word for programs, as in docs/api.md."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{detail} ({code})")
        self.code = code


class BatchFailed(Exception):
    """A batch ended without being read to its end."""
