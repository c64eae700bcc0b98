"""Clients that send one picture again and again and note how long each answer took."""

import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException

BOUNDARY = "a-boundary-that-no-picture-holds"


@dataclass(frozen=True)
class Call:
    """A POST of one picture as multipart, ready to be sent. expected: the status of success."""

    port: int
    path: str
    body: bytes
    expected: int
    headers: dict[str, str]


def picture_call(port: int, path: str, picture: bytes, expected: int, token: str | None = None) -> Call:
    """Prepare a call that sends a PNG in the field "image"."""
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="digit.png"\r\n'
        "Content-Type: image/png\r\n\r\n"
    )
    body = head.encode() + picture + f"\r\n--{BOUNDARY}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    return Call(port, path, body, expected, headers | ({"Authorization": f"Token {token}"} if token else {}))


@dataclass
class Outcome:
    """Latencies of the answers that succeeded, and what else came, in seconds."""

    latencies: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Successful answers a second."""
        return len(self.latencies) / self.seconds

    def percentile(self, percent: int) -> float:
        """Return the latency, in milliseconds, that this share of the answers did not exceed."""
        return 1000 * statistics.quantiles(self.latencies, n=100, method="inclusive")[percent - 1]


def send(call: Call, times: int, clients: int, tick: Callable[[], object]) -> Outcome:
    """Send a call so many times, from clients that each keep one connection and wait for each answer."""
    outcome = Outcome()
    turns = iter(range(times))
    lock = threading.Lock()

    def client() -> None:
        connection = HTTPConnection("127.0.0.1", call.port, timeout=60)
        while True:
            with lock:
                if next(turns, None) is None:
                    break
            started = time.perf_counter()
            try:
                connection.request("POST", call.path, call.body, call.headers)
                response = connection.getresponse()
                content = response.read()
                took = time.perf_counter() - started
                failed = None if response.status == call.expected else f"{response.status} {content[:200]!r}"
            except (OSError, HTTPException) as error:
                connection.close()
                failed = repr(error)
            with lock:
                if failed is None:
                    outcome.latencies.append(took)
                else:
                    outcome.errors.append(failed)
                tick()
        connection.close()

    threads = [threading.Thread(target=client, daemon=True) for _ in range(clients)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outcome.seconds = time.perf_counter() - started
    return outcome
