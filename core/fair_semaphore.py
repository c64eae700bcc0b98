"""A semaphore that keeps the order of waiting threads, and the one that a process's threads work under."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

AT_ONCE = 3
"""Threads of a web process that work at once. With more, all contend for the GIL, and some starve; one alone leaves the
processor idle while it waits for the disk. Measured with SQLite and local files."""

MAX_WAIT = 1.0
"""Seconds after which a thread works without the semaphore: those that hold it may wait for a lock or a network."""


class FairSemaphore:
    """Let so many threads work at once, and the others wait, first come, first served."""

    def __init__(self, count: int) -> None:
        self.free = count
        self.waiting: deque[threading.Lock] = deque()
        self.lock = threading.Lock()
        self.local = threading.local()

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Acquire the semaphore, or wait MAX_WAIT for it; release it at the end."""
        self._acquire()
        try:
            yield
        finally:
            if self.local.holds:
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
        self.local.holds = True
        with self.lock:
            if self.free:
                self.free -= 1
                return
            mine = threading.Lock()
            mine.acquire()
            self.waiting.append(mine)
        if not mine.acquire(timeout=MAX_WAIT):
            with self.lock:
                # Otherwise it has been handed over since.
                if mine in self.waiting:
                    self.waiting.remove(mine)
                    self.local.holds = False

    def _release(self) -> None:
        self.local.holds = False
        with self.lock:
            if self.waiting:
                self.waiting.popleft().release()
            else:
                self.free += 1


at_work = FairSemaphore(AT_ONCE)
