"""Many simultaneous calls, repeated calls, and slow clients."""

import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any

import pytest

from benchmarks.load import multipart
from digitsite.connections import MAX_WAITING
from tests.factories import enlarged
from tests.sites import Answer, Site


def at_once(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Do the same from many threads that start together."""
    gate, found, lock = threading.Barrier(count), [], threading.Lock()

    def run(number: int) -> None:
        gate.wait()
        result = work(number)
        with lock:
            found.append(result)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_call_sent_fifty_times_at_once_is_stored_once(site: Site, mnist_pictures: dict[int, bytes]) -> None:
    before, large = site.rows(), enlarged(mnist_pictures[7])
    answers = at_once(50, lambda number: site.post(large, key="once"))
    assert Counter(answer.status for answer in answers) == {201: 50}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert {answer.json()["text"] for answer in answers} == {"7"}
    after = site.rows()
    assert len(after) == len(before) + 1
    files = sum(path.is_file() for path in (site.folder / "media" / "predictions").rglob("*"))
    assert files == sum(bool(image) for image in after.values()) > 0


def test_simultaneous_calls_with_other_keys_are_stored_each(site: Site, mnist_pictures: dict[int, bytes]) -> None:
    answers = at_once(20, lambda number: site.post(mnist_pictures[3], key=f"key-{number}"))
    assert len({answer.json()["id"] for answer in answers}) == 20


def test_full_queue_returns_503_at_once(site: Site, mnist_pictures: dict[int, bytes]) -> None:
    before = len(site.rows())

    def timed(number: int) -> tuple[Answer, float]:
        start = time.perf_counter()
        return site.post(mnist_pictures[number % 10]), time.perf_counter() - start

    answers = at_once(4 * MAX_WAITING, timed)
    statuses = Counter(answer.status for answer, _ in answers)
    assert set(statuses) == {201, 503}
    assert statuses[201] >= MAX_WAITING
    refused = next(answer for answer, _ in answers if answer.status == 503)
    assert refused.headers["Retry-After"] == "1"
    assert refused.json()["code"] == "overloaded"
    assert len(site.rows()) == before + statuses[201]
    quickest_refusal = min(seconds for answer, seconds in answers if answer.status == 503)
    assert quickest_refusal < max(seconds for answer, seconds in answers if answer.status == 201)
    assert b'digit_refused_total{reason="overloaded"}' in site.call("GET", "/metrics").content


def half_sent(site: Site, content: bytes) -> socket.socket:
    caller = socket.create_connection(("127.0.0.1", site.port))
    caller.sendall(content)
    return caller


@pytest.mark.parametrize(
    "start",
    [b"", b"GET /hea", b"POST /api/v1/predictions/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\nhalf"],
    ids=["nothing", "half a line", "half a body"],
)
def test_hundred_half_sent_requests_delay_nobody(site: Site, start: bytes, mnist_pictures: dict[int, bytes]) -> None:
    slow = [half_sent(site, start) for _ in range(100)]
    try:
        assert site.post(mnist_pictures[4]).json()["text"] == "4"
    finally:
        for caller in slow:
            caller.close()


def all_of(caller: socket.socket) -> bytes:
    return b"".join(iter(lambda: caller.recv(65536), b""))


def preview(body: bytes, kind: str, *headers: str) -> bytes:
    """Return the head of a call to the preview, after which the connection is closed."""
    lines = ["POST /api/v1/predictions/preview/ HTTP/1.1", "Host: localhost", "Connection: close", *headers]
    return "\r\n".join([*lines, f"Content-Type: {kind}", f"Content-Length: {len(body)}", "", ""]).encode()


def test_request_sent_in_small_pieces_is_answered(site: Site, mnist_pictures: dict[int, bytes]) -> None:
    body, kind = multipart(mnist_pictures[2])
    request = preview(body, kind) + body
    with half_sent(site, b"") as caller:
        for place in range(0, len(request), 7):
            caller.sendall(request[place : place + 7])
        answer = all_of(caller)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b'"text":"2"' in answer


def test_expect_header_is_answered_100_continue(site: Site, mnist_pictures: dict[int, bytes]) -> None:
    body, kind = multipart(mnist_pictures[6])
    with half_sent(site, preview(body, kind, "Expect: 100-continue")) as caller:
        assert caller.recv(1000).startswith(b"HTTP/1.1 100 Continue")
        caller.sendall(body)
        assert b'"text":"6"' in all_of(caller)


def test_pipelined_requests_are_both_answered(site: Site) -> None:
    one = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    last = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with half_sent(site, one + last) as caller:
        assert all_of(caller).count(b"HTTP/1.1 200 OK") == 2


def test_connection_is_reused_by_the_next_call(site: Site) -> None:
    connection = HTTPConnection("127.0.0.1", site.port, timeout=30)
    addresses = set()
    for _ in range(3):
        connection.request("GET", "/healthz")
        assert connection.getresponse().read() == b'{"status": "ok"}'
        addresses.add(connection.sock.getsockname())
    connection.close()
    assert len(addresses) == 1


def test_body_with_a_false_length_is_refused(site: Site) -> None:
    lie = b"POST /api/v1/predictions/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\nx"
    with half_sent(site, lie) as caller:
        assert caller.recv(65536).startswith(b"HTTP/1.1 413 ")
