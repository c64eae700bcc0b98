"""Servers started for a measurement and stopped after it, whatever happens in between."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[1]
PATIENCE = 300.0
"""Seconds a server may take to start, or to stop, before it is given up."""


@dataclass(frozen=True)
class Server:
    """A running server. start: seconds from the command to the first answer that says it is ready."""

    process: psutil.Process
    start: float

    def resident(self, program: str) -> float:
        """Return the resident bytes of the largest process whose command line names a program."""
        family = [self.process, *self.process.children(recursive=True)]
        return float(max(p.memory_info().rss for p in family if program in " ".join(p.cmdline())))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: Sequence[str], port: int, ready: str, environment: dict[str, str], log: Path) -> Iterator[Server]:
    """Start a server and wait until it answers 200 at the path `ready`; interrupt it and all it started at the end.

    Raises RuntimeError, with the end of its log, where it stops or is not ready in five minutes.
    """
    with started(command, lambda: _answers(port, ready), environment, log) as server:
        yield server


@contextmanager
def started(
    command: Sequence[str], is_ready: Callable[[], bool], environment: dict[str, str], log: Path
) -> Iterator[Server]:
    """Start a process as `running` does, and wait until it is ready."""
    began = time.perf_counter()
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | environment, stdout=out, stderr=out, start_new_session=True
        )
    try:
        while not is_ready():
            if process.poll() is not None or time.perf_counter() - began > PATIENCE:
                raise RuntimeError(f"{' '.join(command)} does not serve:\n{log.read_text()[-2000:]}")
            time.sleep(0.01)
        yield Server(psutil.Process(process.pid), time.perf_counter() - began)
    finally:
        _stop(process)


def _answers(port: int, path: str) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """Interrupt a session of processes as Ctrl+C would; kill what is left of it after a while."""
    for word, patience in ((signal.SIGINT, 30.0), (signal.SIGKILL, PATIENCE)):
        try:
            os.killpg(process.pid, word)
        except ProcessLookupError:
            return
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            continue
