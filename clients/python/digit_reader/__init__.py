"""Read handwritten digits with a digit reader: pictures one by one, or many in a batch."""

from .errors import BatchFailed, Refused
from .reader import AsyncReader, Reader

__all__ = ["AsyncReader", "BatchFailed", "Reader", "Refused"]
