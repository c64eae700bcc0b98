from enum import StrEnum


class PredictionsImageRetrieveSize(StrEnum):
    THUMB = "thumb"

    def __str__(self) -> str:
        return str(self.value)
