"""What a retraining costs those who are served meanwhile: a site of its own, asked before a run and during it."""

import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from django.conf import settings

EVERY = 0.2
"""Seconds from one call to the next: somebody is served all the time, but the machine is not full of it."""

QUIET = 60.0
"""Seconds of calls before the run."""

PATIENCE = 120.0
BOUNDARY = "a-boundary-that-no-picture-holds"


@dataclass
class Calls:
    """How long answers took, in seconds, and how many calls had none."""

    taken: list[float] = field(default_factory=list)
    failed: int = 0

    def as_json(self) -> dict[str, Any]:
        p95 = statistics.quantiles(self.taken, n=20, method="inclusive")[-1]
        median = statistics.median(self.taken)
        return {"calls": len(self.taken), "median": round(1000 * median, 1), "p95": round(1000 * p95, 1)}


def serve_meanwhile(
    folder: Path,
    images: np.ndarray,
    labels: Sequence[int],
    asked: np.ndarray,
    quiet: float = QUIET,
    **environment: str,
) -> dict[str, Any]:
    """Retrain beside a site with calls on it. Returns how long the run took and both series of calls.

    images: uint8 (n, h, w), white on black, which become corrections with these labels. asked: uint8 (h, w), the
    picture that is sent for reading. The site and its database live in a folder, and start with the version that ships.
    Raises RuntimeError where a part of it fails.
    """
    site = os.environ | {
        "DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}",
        "MEDIA_ROOT": str(folder / "media"),
        "CELERY_BROKER_URL": f"filesystem://{folder / 'broker'}",
        "CACHE_URL": "locmemcache://",
        "STORAGE_URL": "",
        "ALLOWED_HOSTS": "127.0.0.1",
        "SECRET_KEY": "of this measurement alone",
        "API_THROTTLE": "off",
        "HTTPS": "off",
        **environment,
    }

    def manage(*arguments: str) -> str:
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, cwd=settings.BASE_DIR, env=site, capture_output=True, text=True)  # noqa: S603
        if done.returncode:
            raise RuntimeError(f"manage.py {' '.join(arguments)}: {done.stderr[-2000:]}")
        return done.stdout

    manage("migrate", "--verbosity", "0")
    manage("import_corrections", str(labelled(folder / "labelled", images, labels)))
    with serving(site, folder / "log") as port:
        call = caller(port, cv2.imencode(".png", asked)[1].tobytes())
        if not call():
            raise RuntimeError("the site does not read the picture that it is asked for")
        before = called(call, lambda started: time.monotonic() - started < quiet)
        command = [sys.executable, "manage.py", "retrain", "--wait", "--json"]
        told, log = folder / "run.json", folder / "run.log"
        with told.open("w") as out, log.open("w") as errors:
            run = subprocess.Popen(command, cwd=settings.BASE_DIR, env=site, stdout=out, stderr=errors)  # noqa: S603
            started = time.monotonic()
            during = called(call, lambda _: run.poll() is None)
            seconds = time.monotonic() - started
    if run.returncode:
        raise RuntimeError(f"the run did not end well: {log.read_text()[-2000:]}")
    ended = json.loads(told.read_text())
    return {
        "corrections": ended["corrections"]["taught"] + ended["corrections"]["held_out"],
        "state": ended["state"],
        "minutes": round(seconds / 60, 2),
        "every": EVERY,
        "quiet": before.as_json(),
        "during": during.as_json(),
        "failed": before.failed + during.failed,
    }


def labelled(folder: Path, images: np.ndarray, labels: Sequence[int]) -> Path:
    """Write a folder that `import_corrections` takes."""
    folder.mkdir()
    for number, image in enumerate(images):
        cv2.imwrite(str(folder / f"{number}.png"), image)
    told = {f"{number}.png": {"text": str(label)} for number, label in enumerate(labels)}
    (folder / "labels.json").write_text(json.dumps(told))
    return folder


@contextmanager
def serving(environment: dict[str, str], log: Path) -> Iterator[int]:
    """Serve a site as `make run` does; yield its port. Raises RuntimeError where it does not start."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    command = [sys.executable, "-m", "gunicorn", "digitsite.wsgi", "--config", "digitsite/gunicorn.py"]
    command += ["--bind", f"127.0.0.1:{port}", "--threads", "8"]
    with log.open("wb") as out:
        web = subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment, stdout=out, stderr=out)  # noqa: S603
    try:
        started = time.monotonic()
        while not is_ready(port):
            if web.poll() is not None or time.monotonic() - started > PATIENCE:
                raise RuntimeError(f"the site does not serve: {log.read_text()[-2000:]}")
            time.sleep(0.1)
        yield port
    finally:
        web.send_signal(signal.SIGTERM)
        web.wait()


def is_ready(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def caller(port: int, picture: bytes) -> Callable[[], bool]:
    """Return a call that has a picture read, and says whether it was."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
    body = head.encode() + picture + f"\r\n--{BOUNDARY}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}

    def call() -> bool:
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            connection.request("POST", "/api/v1/predictions/", body, headers)
            response = connection.getresponse()
            response.read()
            return response.status == 201
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    return call


def called(call: Callable[[], bool], going: Callable[[float], bool]) -> Calls:
    """Call at a steady pace as long as it goes on, told when it started, and note how long each call took."""
    calls = Calls()
    began = time.monotonic()
    due = began
    while going(began):
        started = time.perf_counter()
        if call():
            calls.taken.append(time.perf_counter() - started)
        else:
            calls.failed += 1
        due = max(due + EVERY, time.monotonic())
        time.sleep(max(0.0, due - time.monotonic()))
    return calls
