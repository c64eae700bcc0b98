"""A semaphore that keeps the order of waiting threads, and the one that a process's threads work under."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

AT_ONCE = 3
"""Threads of a web process that work at once. With more, all contend for the GIL, and some starve; one alone leaves the
processor idle while it waits for the disk. Measured with SQLite and local files."""


class FairSemaphore:
    """Let so many threads work at once, and the others wait, first come, first served."""

    def __init__(self, count: int) -> None:
        self.free = count
        self.waiting: deque[threading.Lock] = deque()
        self.lock = threading.Lock()
        self.local = threading.local()

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Acquire the semaphore, and release it at the end."""
        self._acquire()
        try:
            yield
        finally:
            self._release()

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Release the semaphore while this thread waits for something else. Does nothing in a thread without it.

        Never inside a transaction or with a lock held: the threads that work may be waiting for it.
        """
        if not getattr(self.local, "holds", False):
            yield
            return
        self._release()
        try:
            yield
        finally:
            self._acquire()

    def _acquire(self) -> None:
        mine = None
        with self.lock:
            if self.free:
                self.free -= 1
            else:
                mine = threading.Lock()
                mine.acquire()
                self.waiting.append(mine)
        if mine is not None:
            mine.acquire()
        self.local.holds = True

    def _release(self) -> None:
        self.local.holds = False
        with self.lock:
            if self.waiting:
                self.waiting.popleft().release()
            else:
                self.free += 1


at_work = FairSemaphore(AT_ONCE)
