from enum import StrEnum


class CorrectionStateEnum(StrEnum):
    APPROVED = "approved"
    CONFIRMED = "confirmed"
    PENDING = "pending"
    REJECTED = "rejected"

    def __str__(self) -> str:
        return str(self.value)
