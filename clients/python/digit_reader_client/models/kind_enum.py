from enum import StrEnum


class KindEnum(StrEnum):
    DASH = "dash"
    LETTER = "letter"
    POINT = "point"
    PRINT = "print"

    def __str__(self) -> str:
        return str(self.value)
