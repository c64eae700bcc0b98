"""Load generator: clients that send one picture repeatedly and record the latencies."""

import statistics
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException

BOUNDARY = "a-boundary-that-no-picture-holds"


@dataclass(frozen=True)
class Call:
    """A prepared multipart POST of one picture. expected: the status of success."""

    port: int
    path: str
    body: bytes
    expected: int
    headers: dict[str, str]


def multipart(content: bytes, field: str = "image", filename: str = "digit.png") -> tuple[bytes, str]:
    """Return the body of a form with one file, and its Content-Type."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"; filename="{filename}"\r\n'
    kind = "image/png" if filename.endswith(".png") else "application/octet-stream"
    body = f"{head}Content-Type: {kind}\r\n\r\n".encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()
    return body, f"multipart/form-data; boundary={BOUNDARY}"


def picture_call(port: int, path: str, picture: bytes, expected: int, token: str | None = None) -> Call:
    """Prepare a call that sends a PNG in the field "image"."""
    body, kind = multipart(picture)
    headers = {"Content-Type": kind} | ({"Authorization": f"Token {token}"} if token else {})
    return Call(port, path, body, expected, headers)


def failure_of(connection: HTTPConnection, call: Call) -> str:
    """Send a call. Returns the reason of a failure, or ""."""
    try:
        connection.request("POST", call.path, call.body, call.headers)
        response = connection.getresponse()
        content = response.read()
    except (OSError, HTTPException) as error:
        connection.close()
        return repr(error)
    return "" if response.status == call.expected else f"{response.status} {content[:200]!r}"


@dataclass
class Outcome:
    """Latencies of successful answers, in seconds, and the failures."""

    latencies: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Return the successful answers per second."""
        return len(self.latencies) / self.seconds

    def percentile(self, percent: int) -> float:
        """Return a quantile of the latencies, in milliseconds."""
        return 1000 * statistics.quantiles(self.latencies, n=100, method="inclusive")[percent - 1]


def send(calls: Sequence[Call], times: int, tick: Callable[[], object]) -> Outcome:
    """Send a number of calls from clients that each keep one connection and wait for each answer."""
    outcome = Outcome()
    turns = iter(range(times))
    lock = threading.Lock()

    def client(call: Call) -> None:
        connection = HTTPConnection("127.0.0.1", call.port, timeout=60)
        while True:
            with lock:
                if next(turns, None) is None:
                    break
            started = time.perf_counter()
            failed = failure_of(connection, call)
            took = time.perf_counter() - started
            with lock:
                if failed:
                    outcome.errors.append(failed)
                else:
                    outcome.latencies.append(took)
                tick()
        connection.close()

    threads = [threading.Thread(target=client, args=[call], daemon=True) for call in calls]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outcome.seconds = time.perf_counter() - started
    return outcome
