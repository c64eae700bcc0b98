"""Limit the concurrent readings of a process, by processors and by memory."""

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from core.fair_semaphore import at_work

from .exceptions import TooBusy

MEMORY = 256 * 1024 * 1024
"""Memory for the pixels of all pictures being read in this process, in bytes."""

HEAVY_PIXELS, HEAVY_PIECES = 4_000_000, 300
"""A reading of at least so many pixels, or of more pieces, is heavy. So is every page of a PDF."""

MAX_WAITING = 2
"""Large pictures of one caller that may wait in this process; each holds a thread."""

TIMEOUT = 10.0
"""Seconds to wait for a slot and memory."""

BYTES_DECODED, BYTES_SEARCHED, PIXELS_SEARCHED = 5, 40, 2_560_000
"""Bytes for each pixel in decoding, and in the search for ink, which runs on at most so many pixels."""


def ignore(pieces: int) -> None:
    """Count nothing."""


@dataclass(frozen=True)
class Caller:
    """Who wants a picture read. count: called with the number of pieces if above HEAVY_PIECES; may raise to refuse."""

    name: str
    count: Callable[[int], None] = ignore


class Admission:
    """A pool of slots and memory for readings. More readings than processors would only contend for the GIL.

    Heavy readings run one at a time for each caller; light readings overtake waiting ones.
    """

    def __init__(self, slots: int, memory: int) -> None:
        self.slots, self.memory, self.most = slots, memory, memory
        self.changed = threading.Condition()
        self.heavy: set[str] = set()
        self.waiting: Counter[str] = Counter()

    @contextmanager
    def turn(self, pixels: int, caller: Caller | None = None, heavy: bool = False) -> Iterator[Callable[[int], None]]:
        """Hold a slot and memory for one reading. caller: None for no limit per caller. Raises TooBusy after TIMEOUT.

        heavy: treat the reading as heavy, whatever its size. Yields a function to call with the number of pieces found:
        if they make the reading heavy, it waits for its turn again.
        """
        needed = min(cost(pixels), self.most)
        held = [caller.name if caller and (heavy or pixels >= HEAVY_PIXELS) else ""]
        counted = False

        def found(pieces: int) -> None:
            nonlocal counted
            if caller is None or counted or pieces <= HEAVY_PIECES:
                return
            counted = True
            caller.count(pieces)
            if held == [""]:
                self._leave(needed, held.pop())
                self._enter(needed, caller.name)
                held.append(caller.name)

        self._enter(needed, held[0])
        try:
            yield found
        finally:
            for name in held:
                self._leave(needed, name)

    def _enter(self, needed: int, heavy: str) -> None:
        def has_room() -> bool:
            return self.slots > 0 and self.memory >= needed and heavy not in self.heavy

        with self.changed:
            if has_room():
                self._hold(needed, heavy)
                return
            if heavy and self.waiting[heavy] >= MAX_WAITING:
                raise TooBusy()
            self.waiting[heavy] += 1
        # The lock is released before the thread works on: those that work may be waiting for the lock.
        with at_work.pause(), self.changed:
            try:
                if not self.changed.wait_for(has_room, TIMEOUT):
                    raise TooBusy()
                self._hold(needed, heavy)
            finally:
                self.waiting[heavy] -= 1
                self.waiting += Counter()  # Drops zero counts.

    def _hold(self, needed: int, heavy: str) -> None:
        self.slots -= 1
        self.memory -= needed
        self.heavy |= {heavy} - {""}

    def _leave(self, needed: int, heavy: str) -> None:
        with self.changed:
            self.slots += 1
            self.memory += needed
            self.heavy.discard(heavy)
            self.changed.notify_all()


def cost(pixels: int) -> int:
    """Estimate the memory that reading a picture takes, in bytes."""
    return max(BYTES_DECODED * pixels, BYTES_SEARCHED * min(pixels, PIXELS_SEARCHED))


admission = Admission(os.cpu_count() or 1, MEMORY)
