"""Return unused memory to the system."""

import ctypes
import sys

M_MMAP_THRESHOLD = -3
"""M_MMAP_THRESHOLD of mallopt(3)."""

LARGE = 1024 * 1024


def give_back_large_blocks() -> None:
    """Return freed blocks of a megabyte and more to the system at once.

    glibc raises this threshold up to 32 MB by itself, and each thread then keeps the memory of pictures it has decoded.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:  # Not glibc.
            mallopt(M_MMAP_THRESHOLD, LARGE)
