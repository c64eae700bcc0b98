"""Clients that connect and stall, and the experience of an honest client beside them."""

import contextlib
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException

from benchmarks.load import multipart

PREVIEW = "/api/v1/predictions/preview/"
ATTACKER, HONEST = "127.0.0.2", "127.0.0.3"
SECONDS = 4.0
"""How long an honest client calls during an attack."""

MIN_CALLS = 40
"""Fewer calls give no 95th percentile."""

MAX_P95 = 1.0
"""Seconds."""

Attack = Callable[["Attacker"], None]


@dataclass
class Attacker:
    """One address with many connections. port: of the site, or of the proxy before it."""

    port: int
    address: str = ATTACKER
    connections: list[socket.socket] = field(default_factory=list)
    token: str = ""
    picture: str = ""
    """The path of a large picture that the token may fetch."""
    session: str = ""
    """Of an account with pictures of 200 MB."""
    closing: threading.Event = field(default_factory=threading.Event)
    going_on: list[threading.Thread] = field(default_factory=list)

    def open(self, content: bytes = b"", window: int = 0) -> socket.socket:
        """Connect and send as much as the other side accepts. window: bytes that it may send before they are read."""
        caller = socket.socket()
        self.connections.append(caller)
        if window:
            caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        caller.settimeout(10)
        caller.bind((self.address, 0))
        # The attacker may be refused, cut off or kept waiting.
        with contextlib.suppress(OSError):
            caller.connect(("127.0.0.1", self.port))
            caller.sendall(content)
        return caller

    def open_many(self, count: int, content: bytes = b"", window: int = 0) -> None:
        for _ in range(count):
            self.open(content, window)

    def go_on(self, step: Callable[[], object], interval: float) -> None:
        """Repeat a step beside the caller, until closed."""

        def repeat() -> None:
            while not self.closing.wait(interval):
                step()

        self.going_on.append(threading.Thread(target=repeat, daemon=True))
        self.going_on[-1].start()

    def close(self) -> None:
        self.closing.set()
        for thread in self.going_on:
            thread.join()
        for caller in self.connections:
            caller.close()


def head(method: str, path: str, *fields: str) -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *fields, "", ""]).encode()


def second_begun(attacker: Attacker) -> None:
    attacker.open_many(60, head("GET", "/healthz") + b"GET /hea")


def length_of_nineteen_digits(attacker: Attacker) -> None:
    attacker.open_many(50, head("POST", PREVIEW, f"Content-Length: {10**19 - 1}"))


def declared_and_not_sent(attacker: Attacker) -> None:
    declared = head("POST", PREVIEW, "Content-Length: 20000000")
    attacker.open_many(60, declared)
    attacker.go_on(lambda: attacker.open(declared), 0.2)


def half_bodies(attacker: Attacker) -> None:
    attacker.open_many(60, head("POST", PREVIEW, "Content-Length: 5000") + b"half")


def pieces(attacker: Attacker) -> None:
    attacker.open_many(50, head("POST", PREVIEW, "Transfer-Encoding: chunked"))

    def send_piece() -> None:
        for caller in attacker.connections:
            with contextlib.suppress(OSError):
                caller.sendall(b"1\r\nx\r\n")

    attacker.go_on(send_piece, 0.5)


def one_long_header(attacker: Attacker) -> None:
    attacker.open_many(40, head("GET", "/")[:-2] + b"X-Long: " + b"a" * 66_000)


def silence(attacker: Attacker, count: int = 900) -> None:
    attacker.open_many(count)


def unread_answers(attacker: Attacker) -> None:
    attacker.open_many(
        24, 6 * head("GET", "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js"), 4096
    )


def unread_pictures(attacker: Attacker) -> None:
    attacker.open_many(24, head("GET", attacker.picture, f"Authorization: Token {attacker.token}"), 4096)


def unread_exports(attacker: Attacker) -> None:
    attacker.open_many(12, head("GET", "/history/export/", f"Cookie: sessionid={attacker.session}"), 4096)


def half_of_large_bodies(attacker: Attacker) -> None:
    attacker.open_many(150, head("POST", PREVIEW, "Content-Length: 1000000") + bytes(500_000))


def batches_of_strangers(attacker: Attacker) -> None:
    kind = "Content-Type: multipart/form-data; boundary=x"
    attacker.open_many(40, head("POST", "/api/v1/batches/", kind, "Content-Length: 1000000000") + b"--x\r\n" * 1000)


ATTACKS = [
    second_begun,
    length_of_nineteen_digits,
    declared_and_not_sent,
    half_bodies,
    pieces,
    one_long_header,
    silence,
    unread_answers,
    unread_pictures,
    unread_exports,
    half_of_large_bodies,
    batches_of_strangers,
]


@contextmanager
def under(attack: Attack, attacker: Attacker) -> Iterator[None]:
    attack(attacker)
    try:
        yield
    finally:
        attacker.close()


@dataclass
class Experience:
    """What an honest client saw: seconds of each answer, and failures."""

    seconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def p95(self) -> float:
        return statistics.quantiles(self.seconds, n=20, method="inclusive")[-1]


def call_honestly(port: int, picture: bytes, address: str = ATTACKER, page: bool = True) -> Experience:
    """Read a digit, and a page in turn with it, each over a connection of its own, for some seconds and 40 calls."""
    body, kind = multipart(picture)
    calls = [("GET", "/about/", b"", {})] if page else []
    calls.append(("POST", PREVIEW, body, {"Content-Type": kind}))
    experience, end = Experience(), time.monotonic() + SECONDS
    while time.monotonic() < end or len(experience.seconds) < MIN_CALLS:
        for method, path, content, headers in calls:
            began = time.perf_counter()
            try:
                with closing(HTTPConnection("127.0.0.1", port, timeout=10, source_address=(address, 0))) as connection:
                    connection.request(method, path, content, headers)
                    response = connection.getresponse()
                    response.read()
            except (OSError, HTTPException) as error:
                experience.failures.append(f"{path}: {error!r}")
            else:
                if response.status != 200:
                    experience.failures.append(f"{path}: {response.status}")
            experience.seconds.append(time.perf_counter() - began)
            time.sleep(0.02)
    return experience
