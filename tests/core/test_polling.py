import threading
import time
from collections.abc import Callable, Iterator

import pytest
from django.db import OperationalError

from core.polling import MAX_BACKOFF, Poller


class Looks:
    """A function for a poller that fails some times, and counts its calls."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.made = threading.Semaphore(0)

    def __call__(self) -> None:
        self.made.release()
        if self.errors:
            raise self.errors.pop(0)

    def wait(self, count: int) -> None:
        for _ in range(count):
            assert self.made.acquire(timeout=10)


@pytest.fixture
def started() -> Iterator[Callable[[Looks, float], Poller]]:
    pollers = []

    def start(look: Looks, interval: float) -> Poller:
        pollers.append(Poller("test", look, interval))
        pollers[-1].start()
        return pollers[-1]

    yield start
    for poller in pollers:
        poller.stop()
        poller.join(10)
        assert not poller.is_alive()


Start = Callable[[Looks, float], Poller]


def test_poller_calls_repeatedly(started: Start) -> None:
    looks = Looks()
    started(looks, 0.01)
    looks.wait(3)


def test_poller_continues_after_an_exception(started: Start) -> None:
    looks = Looks(OperationalError("the server is gone"), OSError("the store is gone"), ZeroDivisionError())
    poller = started(looks, 0.01)
    looks.wait(5)
    assert poller.failures == 0


def test_poller_survives_a_failing_connection_close(started: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OperationalError("the server is gone")

    monkeypatch.setattr("core.polling.close_old_connections", fail)
    looks = Looks()
    started(looks, 0.01)
    looks.wait(3)


def test_poller_backs_off_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.polling.close_old_connections", lambda: None)
    poller = Poller("test", Looks(*[OperationalError()] * 4), 2.0)
    delays = []
    for _ in range(5):
        poller.poll()
        delays.append(poller.delay)
    assert delays == [4.0, 2.0 * MAX_BACKOFF, 2.0 * MAX_BACKOFF, 2.0 * MAX_BACKOFF, 2.0]


def test_woken_poller_calls_at_once(started: Start) -> None:
    looks = Looks()
    poller = started(looks, 120.0)
    looks.wait(1)
    poller.wake()
    looks.wait(1)


def test_stopped_poller_ends_at_once(started: Start) -> None:
    looks = Looks()
    poller = started(looks, 120.0)
    looks.wait(1)
    began = time.monotonic()
    poller.stop()
    poller.join(10)
    assert time.monotonic() - began < 5
    assert not looks.made.acquire(blocking=False)
