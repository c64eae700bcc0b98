"""Client of a digit reader: reads single pictures, or many as a batch."""

from .errors import BatchFailed, Refused
from .reader import AsyncReader, Reader

__all__ = ["AsyncReader", "BatchFailed", "Reader", "Refused"]
