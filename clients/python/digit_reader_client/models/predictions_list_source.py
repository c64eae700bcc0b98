from enum import StrEnum


class PredictionsListSource(StrEnum):
    API = "api"
    DRAW = "draw"
    IMPORT = "import"
    UPLOAD = "upload"

    def __str__(self) -> str:
        return str(self.value)
