"""How a web process handles connections."""

import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import pytest
from waitress import wasyncore

from core.fair_semaphore import FairSemaphore
from digitsite import connections
from digitsite.connections import Listener, Threads
from digitsite.serving import ADJUSTMENTS


@contextmanager
def listening(application: Callable[..., Iterable[bytes]]) -> Iterator[tuple[int, dict[int, Any]]]:
    """Listen for an application with one thread, without Django. Yields the port and what is open, by number."""
    opened: dict[int, Any] = {}
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = (server.family, server.type, server.proto, server.getsockname())
        Listener(application, opened, True, server, Threads(1), ADJUSTMENTS, place, bind_socket=False)
        try:
            yield server.getsockname()[1], opened
        finally:
            wasyncore.close_all(opened)


@contextmanager
def serving(application: Callable[..., Iterable[bytes]]) -> Iterator[int]:
    """Serve an application with one thread, without Django. Yields the port."""
    stop = threading.Event()
    with listening(application) as (port, opened):

        def look() -> None:
            while not stop.is_set():
                wasyncore.loop(0.02, True, opened, 1)

        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield port
        finally:
            stop.set()
            thread.join()


def ask(port: int, request: bytes) -> bytes:
    """Send bytes; return all that comes until the other side closes."""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize(("path", "waits"), [("/about/", True), ("/healthz", False)])
def test_requests_wait_for_others_but_health_checks_do_not(
    monkeypatch: pytest.MonkeyPatch, path: str, waits: bool
) -> None:
    monkeypatch.setattr(connections, "at_work", at_work := FairSemaphore(1))
    answered = threading.Event()

    def call() -> None:
        connections.few_at_once(lambda environ, start_response: [b""])({"PATH_INFO": path, "wsgi.input": None}, None)
        answered.set()

    with at_work.hold():
        thread = threading.Thread(target=call)
        thread.start()
        assert answered.wait(0.2) != waits
    thread.join()
    assert answered.is_set()


class Echo:
    """An application that records its environ and returns the body."""

    def __init__(self) -> None:
        self.environ: dict[str, Any] = {}

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        self.environ = environ
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]


def test_chunked_body_arrives_whole_with_its_length() -> None:
    echo = Echo()
    with serving(echo) as port:
        head = b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        answer = ask(port, head + b"4\r\none \r\n3\r\ntwo\r\n0\r\n\r\n")
    assert answer.endswith(b"one two")
    assert echo.environ["CONTENT_LENGTH"] == "7"
    assert "HTTP_TRANSFER_ENCODING" not in echo.environ


def test_header_with_underscores_is_dropped() -> None:
    echo = Echo()
    with serving(echo) as port:
        ask(port, b"GET / HTTP/1.0\r\nX_Forwarded_For: 203.0.113.9\r\nX-Forwarded-Host: b\r\n\r\n")
    assert "HTTP_X_FORWARDED_FOR" not in echo.environ
    assert echo.environ["HTTP_X_FORWARDED_HOST"] == "b"


def test_path_keeps_its_bytes() -> None:
    echo = Echo()
    with serving(echo) as port:
        ask(port, b"GET /%ff/%C3%A9 HTTP/1.0\r\n\r\n")
    assert echo.environ["PATH_INFO"].encode("latin-1") == b"/\xff/\xc3\xa9"


def test_head_answer_has_a_length_and_no_body() -> None:
    with serving(Echo()) as port:
        answer = ask(port, b"HEAD / HTTP/1.0\r\nContent-Length: 5\r\n\r\nseven")
    head, body = answer.split(b"\r\n\r\n", 1)
    assert b"Content-Length: 5" in head
    assert body == b""


def test_body_too_large_for_a_view_is_left_unread() -> None:
    pieces: list[bytes] = []

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        left = int(environ["CONTENT_LENGTH"])
        while left and (piece := environ["wsgi.input"].read(min(left, 1 << 16))):
            pieces.append(piece)
            left -= len(piece)
        start_response("200 OK", [])
        return []

    large = ADJUSTMENTS.max_request_body_size + 100
    with serving(application) as port:
        answer = ask(port, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % large + bytes(large))
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert sum(map(len, pieces)) == large
    assert max(map(len, pieces)) <= 1 << 16


def test_chunked_body_that_is_too_large_has_a_length() -> None:
    lengths: list[str] = []

    def refuse(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        lengths.append(environ["CONTENT_LENGTH"])
        start_response("413 Content Too Large", [("Content-Length", "0")])
        return []

    large = ADJUSTMENTS.max_request_body_size + 1000
    with serving(refuse) as port:
        head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        answer = ask(port, head + b"%x\r\n" % large + bytes(large) + b"\r\n0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert int(lengths[0]) >= ADJUSTMENTS.max_request_body_size


def test_refused_large_body_gets_its_answer() -> None:
    def refuse(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("413 Content Too Large", [("Content-Length", "5")])
        return [b"large"]

    large = 60_000_000
    with serving(refuse) as port:
        answer = ask(port, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % large + bytes(large))
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert answer.endswith(b"large")


def test_large_body_is_refused_if_the_disk_buffer_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MAX_ON_DISK", 100_000)
    with serving(Echo()) as port:
        answer = ask(port, b"POST / HTTP/1.0\r\nContent-Length: 1000000\r\n\r\n" + bytes(1_000_000))
        small = ask(port, b"POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\nseven")
    assert answer.startswith(b"HTTP/1.0 503 ")
    assert b"Retry-After: 1" in answer
    assert small.endswith(b"seven")


@pytest.mark.parametrize(
    ("begin", "drop"),
    [
        (b"GET / HTTP/1.1\r\nX-Long: ", b"a"),
        (b"POST / HTTP/1.1\r\nContent-Length: 100000\r\n\r\n", b"a"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
        (b"POST / HTTP/1.1\r\nContent-Length: 100000000\r\n\r\n", b"a"),
        (b"no request\r\n\r\n", b"a"),
    ],
    ids=["header", "body", "pieces", "large body", "after its refusal"],
)
def test_a_request_that_drips_in_ends(monkeypatch: pytest.MonkeyPatch, begin: bytes, drop: bytes) -> None:
    for name in ("MAX_SENDING", "MAX_SENDING_LARGE"):
        monkeypatch.setattr(connections, name, 0.5)
    monkeypatch.setattr(ADJUSTMENTS, "cleanup_interval", 0)
    with serving(Echo()) as port, closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as connection:
        connection.sendall(begin)

        def drip() -> None:
            for _ in range(3000):
                connection.sendall(drop)
                time.sleep(0.02)

        # Closed both ways, the connection fails at the latest for what comes next.
        with pytest.raises(ConnectionError):
            drip()


def test_waiting_connections_are_accepted_in_one_round() -> None:
    with listening(Echo()) as (port, opened), ExitStack() as stack:
        before = len(opened)
        for _ in range(20):
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        wasyncore.loop(1, True, opened, 1)
        assert len(opened) == before + 20


def test_malformed_request_is_refused_while_all_threads_work() -> None:
    go_on = threading.Event()

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        go_on.wait(60)
        start_response("200 OK", [("Content-Length", "0")])
        return []

    with serving(application) as port, ExitStack() as stack:
        for path in [b"/", b"/healthz", b"/healthz", b"/healthz"]:
            busy = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            busy.sendall(b"GET %s HTTP/1.0\r\n\r\n" % path)
        answer = ask(port, b"no request\r\n\r\n")
        go_on.set()
    assert answer.startswith(b"HTTP/1.0 400 ")


def test_refused_client_that_stays_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "CLOSING_TIMEOUT", 0.2)
    monkeypatch.setattr(ADJUSTMENTS, "cleanup_interval", 0)
    with serving(Echo()) as port, closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as connection:
        connection.sendall(b"no request\r\n\r\n")
        assert b"".join(iter(lambda: connection.recv(65536), b"")).startswith(b"HTTP/1.0 400 ")
        time.sleep(1)

        def stay() -> None:
            for _ in range(500):
                connection.sendall(b"a")
                time.sleep(0.01)

        with pytest.raises(ConnectionError):
            stay()


def test_excess_requests_are_refused_but_healthz_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MAX_WAITING", 1)
    begun, go_on = threading.Event(), threading.Event()

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/healthz":
            begun.set()
            go_on.wait(10)
        start_response("200 OK", [("Content-Length", "4")])
        return [b"done"]

    with serving(application) as port:
        busy = [socket.create_connection(("127.0.0.1", port)) for _ in range(2)]
        for connection in busy:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert begun.wait(10)
        # Read after the second, which waits by then.
        assert ask(port, b"GET /healthz HTTP/1.0\r\n\r\n").endswith(b"done")
        refused = ask(port, b"GET /api/v1/predictions/ HTTP/1.0\r\n\r\n")
        assert ask(port, b"GET /healthz HTTP/1.0\r\n\r\n").endswith(b"done")
        go_on.set()
        assert {connection.recv(1000)[:15] for connection in busy} == {b"HTTP/1.0 200 OK"}
        for connection in busy:
            connection.close()
    assert refused.startswith(b"HTTP/1.0 503 ")
    assert b"Retry-After: 1" in refused
    assert b'"code": "overloaded"' in refused
