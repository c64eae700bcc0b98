import threading
from collections.abc import Callable

from benchmarks.processes import wait_until
from core.turns import Turns


def started(step: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=step, daemon=True)
    thread.start()
    return thread


def test_waiting_threads_get_their_turns_in_order() -> None:
    turns, order, threads = Turns(1), [], []

    def take(number: int) -> None:
        with turns.turn():
            order.append(number)

    with turns.turn():
        for number in range(5):
            threads.append(started(lambda number=number: take(number)))
            wait_until(lambda number=number: len(turns.waiting) == number + 1)
        assert order == []
    for thread in threads:
        thread.join()
    assert order == [0, 1, 2, 3, 4]
    assert turns.free == 1


def test_paused_thread_lets_another_work_and_then_waits() -> None:
    turns, worked = Turns(1), threading.Event()

    def work() -> None:
        with turns.turn():
            worked.set()

    with turns.turn():
        thread = started(work)
        assert not worked.wait(0.05)
        with turns.pause():
            assert worked.wait(5)
            thread.join()
        assert turns.free == 0
    assert turns.free == 1


def test_pause_without_a_turn_changes_nothing() -> None:
    turns = Turns(1)
    with turns.pause():
        assert turns.free == 1
    assert turns.free == 1


def test_failed_work_gives_its_turn_back() -> None:
    turns = Turns(1)
    try:
        with turns.turn():
            raise ValueError
    except ValueError:
        pass
    assert turns.free == 1
