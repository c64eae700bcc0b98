"""Start servers and workers for a benchmark or test, and stop them afterwards in any case."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, TypeVar

import psutil

ROOT = Path(__file__).parents[1]
TIMEOUT = 300.0
"""Seconds for a server to start or to stop."""

POLL_INTERVAL = 0.02
Found = TypeVar("Found")


@dataclass(frozen=True)
class Server:
    """A running server. start: seconds from the command to being ready."""

    process: psutil.Process
    start: float

    def resident(self, program: str) -> float:
        """Return the resident bytes of the largest process whose command line names a program."""
        family = [self.process, *self.process.children(recursive=True)]
        return float(max(p.memory_info().rss for p in family if program in " ".join(p.cmdline())))


def free_port() -> int:
    """Return a free port below the range of client ports, so that no client takes it meanwhile."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("", port))
            return port


def gunicorn(port: int, *application: str) -> list[str]:
    """Return the command that serves an application as the site is served."""
    return [sys.executable, "-m", "gunicorn", *application, "--bind", f"127.0.0.1:{port}", "--threads", "8"]


def site_command(port: int) -> list[str]:
    """Return the command that serves the site."""
    return gunicorn(port, "digitsite.wsgi", "--config", "digitsite/gunicorn.py")


def worker_command(queues: str, *options: str, loglevel: str = "WARNING") -> list[str]:
    """Return the command of a worker of one thread."""
    command = [sys.executable, "-m", "celery", "-A", "digitsite", "worker", "--queues", queues]
    command += ["--pool", "threads", "--concurrency", "1", "--without-gossip", "--without-mingle"]
    return [*command, "--loglevel", loglevel, *options]


def spawn(command: Sequence[str], environment: Mapping[str, str], log: Path, cwd: Path = ROOT) -> subprocess.Popen[Any]:
    """Start a process in a session of its own, with its output appended to a log."""
    with log.open("ab") as out:
        return subprocess.Popen(command, cwd=cwd, env=environment, stdout=out, stderr=out, start_new_session=True)


def wait_until(
    done: Callable[[], Found], timeout: float = TIMEOUT, explain: Callable[[], object] = lambda: "not in time"
) -> Found:
    """Poll every 20 ms; return the first true result. Raises TimeoutError with an explanation."""
    end = time.monotonic() + timeout
    while not (found := done()):
        if time.monotonic() > end:
            raise TimeoutError(explain())
        time.sleep(POLL_INTERVAL)
    return found


def wait_until_ready(process: subprocess.Popen[Any], is_ready: Callable[[], bool], log: Path) -> None:
    """Wait until a spawned process is ready. Raises RuntimeError, with the end of its log, if it ends or takes too
    long."""

    def found() -> bool:
        if process.poll() is not None:
            raise RuntimeError(f"{describe(process)} does not serve:\n{log.read_text()[-3000:]}")
        return is_ready()

    try:
        wait_until(found, explain=log.read_text)
    except TimeoutError as error:
        raise RuntimeError(f"{describe(process)} does not serve:\n{error.args[0][-3000:]}") from error


def describe(process: subprocess.Popen[Any]) -> str:
    return " ".join(map(str, process.args))  # type: ignore[arg-type]


def answers(port: int, path: str = "/readyz", host: str = "127.0.0.1") -> bool:
    """Return whether a server answers 200 at a path."""
    connection = HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def stop(process: subprocess.Popen[Any], word: signal.Signals = signal.SIGINT, timeout: float = 30.0) -> None:
    """Send a signal to a process and its children, wait, and kill those that are left."""
    for each, patience in ((word, timeout), (signal.SIGKILL, TIMEOUT)):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, each)
        with suppress(subprocess.TimeoutExpired):
            process.wait(patience)
            if each == signal.SIGKILL:
                return


@contextmanager
def running(command: Sequence[str], port: int, ready: str, environment: dict[str, str], log: Path) -> Iterator[Server]:
    """Start a server and wait until it answers 200 at the path `ready`; interrupt it and its children at the end.

    Raises RuntimeError, with the end of its log, if it stops or is not ready in five minutes.
    """
    with started(command, lambda: answers(port, ready), environment, log) as server:
        yield server


@contextmanager
def started(
    command: Sequence[str], is_ready: Callable[[], bool], environment: dict[str, str], log: Path
) -> Iterator[Server]:
    """Start a process as `running` does, and wait until it is ready."""
    began = time.perf_counter()
    log.unlink(missing_ok=True)
    process = spawn(command, os.environ | environment, log)
    try:
        wait_until_ready(process, is_ready, log)
        yield Server(psutil.Process(process.pid), time.perf_counter() - began)
    finally:
        stop(process)
