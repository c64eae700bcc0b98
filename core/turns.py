"""Turns of a process's threads: a few work, the others wait, first come, first served.

Only one thread of a process runs Python at a time. More that want to would slow each other down, and some would be
overtaken again and again.
"""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

AT_ONCE = 3
"""Threads of a process that work at once. One alone leaves the processor idle while it waits for the disk."""


class Turns:
    """A semaphore that keeps the order of those who wait."""

    def __init__(self, count: int) -> None:
        self.free = count
        self.waiting: deque[threading.Lock] = deque()
        self.lock = threading.Lock()
        self.holding = threading.local()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn and hold it."""
        self._take()
        try:
            yield
        finally:
            self._give()

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Let another thread work while this one waits for something else. Does nothing in a thread without a turn."""
        if not getattr(self.holding, "turn", False):
            yield
            return
        self._give()
        try:
            yield
        finally:
            self._take()

    def _take(self) -> None:
        with self.lock:
            if self.free:
                self.free -= 1
                mine = None
            else:
                mine = threading.Lock()
                mine.acquire()
                self.waiting.append(mine)
        if mine is not None:
            mine.acquire()
        self.holding.turn = True

    def _give(self) -> None:
        self.holding.turn = False
        with self.lock:
            if self.waiting:
                self.waiting.popleft().release()
            else:
                self.free += 1


turns = Turns(AT_ONCE)
