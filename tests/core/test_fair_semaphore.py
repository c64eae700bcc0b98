import threading
from collections.abc import Callable
from contextlib import suppress

import pytest

from benchmarks.processes import wait_until
from core import fair_semaphore
from core.fair_semaphore import FairSemaphore


def started(step: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=step, daemon=True)
    thread.start()
    return thread


def test_waiting_threads_work_in_order() -> None:
    semaphore, order, threads = FairSemaphore(1), [], []

    def work(number: int) -> None:
        with semaphore.hold():
            order.append(number)

    with semaphore.hold():
        for number in range(5):
            threads.append(started(lambda number=number: work(number)))
            wait_until(lambda number=number: len(semaphore.waiting) == number + 1)
        assert order == []
    for thread in threads:
        thread.join()
    assert order == [0, 1, 2, 3, 4]
    assert semaphore.free == 1


def test_pausing_thread_lets_another_work_and_then_waits() -> None:
    semaphore, worked = FairSemaphore(1), threading.Event()

    def work() -> None:
        with semaphore.hold():
            worked.set()

    with semaphore.hold():
        thread = started(work)
        assert not worked.wait(0.05)
        # A pause in a pause changes nothing.
        with semaphore.pause(), semaphore.pause():
            assert worked.wait(5)
            thread.join()
        assert semaphore.free == 0
    assert semaphore.free == 1


def test_thread_works_without_the_semaphore_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fair_semaphore, "MAX_WAIT", 0.05)
    semaphore, worked = FairSemaphore(1), threading.Event()

    def work() -> None:
        with semaphore.hold(), semaphore.pause():
            worked.set()

    with semaphore.hold():
        thread = started(work)
        assert worked.wait(5)
        thread.join()
        assert (semaphore.free, list(semaphore.waiting)) == (0, [])
    assert semaphore.free == 1


def test_pause_of_a_thread_without_the_semaphore_changes_nothing() -> None:
    semaphore = FairSemaphore(1)
    with semaphore.pause():
        assert semaphore.free == 1
    assert semaphore.free == 1


def test_failing_thread_releases_the_semaphore() -> None:
    semaphore = FairSemaphore(1)
    with suppress(ValueError), semaphore.hold():
        raise ValueError
    assert semaphore.free == 1
    with suppress(ValueError), semaphore.hold(), semaphore.pause():
        raise ValueError
    assert semaphore.free == 1
