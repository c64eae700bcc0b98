from enum import StrEnum


class BatchStateEnum(StrEnum):
    CANCELLED = "cancelled"
    DONE = "done"
    ERASING = "erasing"
    FAILED = "failed"
    QUEUED = "queued"
    RUNNING = "running"

    def __str__(self) -> str:
        return str(self.value)
