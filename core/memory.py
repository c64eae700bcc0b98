"""Decide which freed memory is returned to the system, and which is kept for the next reading."""

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
"""Parameters of mallopt(3)."""

LARGE = 1024 * 1024
"""Bytes of a block that is returned to the system as soon as it is freed."""

KEPT = 2 * 1024 * 1024
"""Bytes of small blocks that an arena keeps at its end. A drawn digit needs less."""

ARENAS = 2
"""Arenas that all threads share. Few threads work at once; with one arena each, most would hold unused memory."""


def configure_malloc() -> None:
    """Return freed blocks of LARGE and more to the system at once, keep KEPT of smaller ones, and limit the arenas.

    glibc raises the first threshold up to 32 MB by itself, and each arena then keeps the memory of pictures it has
    decoded. Once it is set, glibc returns all but 128 kB of the smaller blocks, and each reading fetches them again.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:  # None without glibc.
            mallopt(M_MMAP_THRESHOLD, LARGE)
            mallopt(M_TRIM_THRESHOLD, KEPT)
            mallopt(M_ARENA_MAX, ARENAS)
