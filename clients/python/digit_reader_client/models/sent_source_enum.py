from enum import StrEnum


class SentSourceEnum(StrEnum):
    API = "api"
    DRAW = "draw"
    UPLOAD = "upload"

    def __str__(self) -> str:
        return str(self.value)
