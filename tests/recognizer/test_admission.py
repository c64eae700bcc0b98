"""Admission of readings: slots, memory and turns."""

import io
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from PIL import Image

from benchmarks.processes import wait_until
from core.fair_semaphore import FairSemaphore
from recognizer import admission as module
from recognizer.admission import HEAVY_PIECES, MAX_WAITING, MEMORY, Admission, Caller, cost
from recognizer.exceptions import TooBusy
from recognizer.models import Prediction
from recognizer.reading import MAX_PIXELS, pixels_decoded
from recognizer.reading.images import WEBP_FACTOR

LIGHT, HEAVY = 100_000, 25_000_000
PLENTY = 2**40


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TIMEOUT", 0.05)


@pytest.fixture
def holding() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_second_heavy_reading_waits_while_light_ones_pass(soon: None, holding: ExitStack) -> None:
    admission = Admission(8, PLENTY)
    holding.enter_context(admission.turn(HEAVY, Caller("ada")))
    holding.enter_context(admission.turn(LIGHT, Caller("ada")))
    holding.enter_context(admission.turn(HEAVY, Caller("blaise")))
    with pytest.raises(TooBusy), admission.turn(HEAVY, Caller("ada")):
        pass
    assert not admission.waiting


def test_waiting_reading_continues_once_there_is_room() -> None:
    admission = Admission(1, PLENTY)
    read = threading.Event()

    def wait() -> None:
        with admission.turn(LIGHT, Caller("blaise")):
            read.set()

    with admission.turn(LIGHT, Caller("ada")):
        thread = threading.Thread(target=wait)
        thread.start()
        assert not read.wait(0.05)
    thread.join()
    assert read.is_set()


def test_waiting_reading_lets_other_requests_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "at_work", at_work := FairSemaphore(1))
    admission, worked = Admission(1, PLENTY), threading.Event()

    def read() -> None:
        with at_work.hold(), admission.turn(LIGHT):
            assert worked.is_set()

    with admission.turn(LIGHT):
        reading = threading.Thread(target=read)
        reading.start()
        wait_until(lambda: admission.waiting[""] == 1)
        with at_work.hold():
            worked.set()
    reading.join()
    assert (at_work.free, admission.slots) == (1, 1)


def test_waiting_large_pictures_per_caller_are_limited(monkeypatch: pytest.MonkeyPatch, holding: ExitStack) -> None:
    admission = Admission(8, PLENTY)
    refused: list[float] = []

    def call() -> None:
        started = time.monotonic()
        try:
            with admission.turn(HEAVY, Caller("ada")):
                pass
        except TooBusy:
            refused.append(time.monotonic() - started)

    with admission.turn(HEAVY, Caller("ada")):
        threads = [threading.Thread(target=call) for _ in range(MAX_WAITING + 3)]
        for thread in threads:
            thread.start()
        while len(refused) < 3:
            time.sleep(0.01)
    for thread in threads:
        thread.join()
    assert len(refused) == 3
    assert (admission.slots, admission.memory, admission.heavy) == (8, PLENTY, set())


def test_readings_wait_for_memory(soon: None, holding: ExitStack) -> None:
    admission = Admission(8, 2 * cost(HEAVY))
    for caller in ("ada", "blaise"):
        holding.enter_context(admission.turn(HEAVY, Caller(caller)))
    with pytest.raises(TooBusy), admission.turn(HEAVY, Caller("grace")):
        pass


def test_two_of_the_largest_webp_are_not_decoded_at_a_time() -> None:
    sent = io.BytesIO()
    Image.new("L", (50, 40)).save(sent, "WEBP")
    stored = Prediction(image="a.webp", width=50, height=40)
    assert pixels_decoded(sent.getvalue()) == stored.pixels_decoded == WEBP_FACTOR * 50 * 40
    assert 2 * cost(WEBP_FACTOR * MAX_PIXELS) > MEMORY
    assert 2 * cost(MAX_PIXELS) <= MEMORY


def test_a_picture_larger_than_all_memory_is_read_alone() -> None:
    with Admission(8, 1000).turn(HEAVY, Caller("ada")):
        pass


def test_uncounted_callers_do_not_wait_for_each_other(holding: ExitStack) -> None:
    admission = Admission(8, PLENTY)
    for _ in range(3):
        holding.enter_context(admission.turn(HEAVY))


def test_many_pieces_make_a_reading_wait_as_a_heavy_one(soon: None, holding: ExitStack) -> None:
    admission = Admission(2, PLENTY)
    holding.enter_context(admission.turn(HEAVY, Caller("ada")))
    with admission.turn(LIGHT, Caller("ada")) as found:
        found(HEAVY_PIECES)
        with pytest.raises(TooBusy):
            found(HEAVY_PIECES + 1)
    # The waiting reading has released its slot.
    assert (admission.slots, admission.heavy) == (1, {"ada"})


def test_pieces_are_counted_once_for_each_picture() -> None:
    counted: list[int] = []
    with Admission(2, PLENTY).turn(HEAVY, Caller("ada", counted.append)) as found:
        for pieces in (HEAVY_PIECES, 1000, 2000):
            found(pieces)
    assert counted == [1000]
