"""Poll in a background thread."""

import logging
import threading
from collections.abc import Callable

from django.db import DatabaseError, close_old_connections, connections

logger = logging.getLogger(__name__)

MAX_BACKOFF = 4
"""Longest wait after failures, in intervals."""


class Poller(threading.Thread):
    """Call `look` at once and then every `interval` seconds, until stopped.

    Exceptions are logged. Each failure in a row doubles the wait, up to MAX_BACKOFF intervals.
    """

    def __init__(self, name: str, look: Callable[[], object], interval: float) -> None:
        super().__init__(name=name, daemon=True)
        self.look, self.interval = look, interval
        self.failures = 0
        self._stopped = threading.Event()
        self._woken = threading.Event()

    def run(self) -> None:
        while not self._stopped.is_set():
            self._woken.clear()
            self.poll()
            self._woken.wait(self.delay)
        connections.close_all()

    @property
    def delay(self) -> float:
        """Seconds until the next call."""
        return self.interval * min(2.0**self.failures, MAX_BACKOFF)

    def poll(self) -> None:
        """Call `look` once."""
        try:
            try:
                self.look()
            finally:
                close_old_connections()
        except (DatabaseError, OSError) as error:
            self.failures += 1
            logger.warning("%s: %s", self.name, error)
        except Exception:
            # Without this thread, polling would end.
            self.failures += 1
            logger.exception(self.name)
        else:
            self.failures = 0

    def wake(self) -> None:
        """Call `look` now, without waiting for the interval to end."""
        self._woken.set()

    def stop(self) -> None:
        """Stop after the current call."""
        self._stopped.set()
        self._woken.set()
