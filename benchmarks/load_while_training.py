"""How much a retraining slows the site: latencies before a run and during it."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from django.conf import settings

from .load import failure_of, picture_call
from .processes import free_port, running, site_command
from .server import site_environment

EVERY = 0.2
"""Seconds between calls: regular use that leaves the machine mostly idle."""

QUIET = 60.0
"""Seconds of calls before the run."""


@dataclass
class Calls:
    """Latencies in seconds, and the number of failed calls."""

    taken: list[float] = field(default_factory=list)
    failed: int = 0

    def as_json(self) -> dict[str, Any]:
        p95 = statistics.quantiles(self.taken, n=20, method="inclusive")[-1]
        median = statistics.median(self.taken)
        return {"calls": len(self.taken), "median": round(1000 * median, 1), "p95": round(1000 * p95, 1)}


def serve_while_training(
    folder: Path,
    images: np.ndarray,
    labels: Sequence[int],
    asked: np.ndarray,
    quiet: float = QUIET,
    **environment: str,
) -> dict[str, Any]:
    """Retrain beside a site that gets calls. Returns how long the run took and the latencies before and during it.

    images: uint8 (n, h, w), white on black, imported as corrections with these labels. asked: uint8 (h, w), the picture
    sent for reading. The site and its database are in a folder, and start with the shipped version. Raises RuntimeError
    if a step fails.
    """
    site = (
        os.environ
        | site_environment(folder)
        | {
            "CELERY_BROKER_URL": f"filesystem://{folder / 'broker'}",
            "CACHE_URL": "locmemcache://",
            "STORAGE_URL": "",
            "ALLOWED_HOSTS": "127.0.0.1",
            "SECRET_KEY": "only for this measurement",
            "HTTPS": "off",
            **environment,
        }
    )

    def manage(*arguments: str) -> str:
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, cwd=settings.BASE_DIR, env=site, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"manage.py {' '.join(arguments)}: {done.stderr[-2000:]}")
        return done.stdout

    manage("migrate", "--verbosity", "0")
    manage("import_corrections", str(labelled(folder / "labelled", images, labels)))
    port = free_port()
    with running(site_command(port), port, "/readyz", site, folder / "log"):
        call = caller(port, cv2.imencode(".png", asked)[1].tobytes())
        if not call():
            raise RuntimeError("the site does not read the picture")
        before = called(call, lambda started: time.monotonic() - started < quiet)
        command = [sys.executable, "manage.py", "retrain", "--wait", "--json"]
        told, log = folder / "run.json", folder / "run.log"
        with told.open("w") as out, log.open("w") as errors:
            run = subprocess.Popen(command, cwd=settings.BASE_DIR, env=site, stdout=out, stderr=errors)
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
    """Write a folder for `import_corrections`."""
    folder.mkdir()
    for number, image in enumerate(images):
        cv2.imwrite(str(folder / f"{number}.png"), image)
    told = {f"{number}.png": {"text": str(label)} for number, label in enumerate(labels)}
    (folder / "labels.json").write_text(json.dumps(told))
    return folder


def caller(port: int, picture: bytes) -> Callable[[], bool]:
    """Return a function that sends a picture and returns whether it was read."""
    call = picture_call(port, "/api/v1/predictions/", picture, 201)

    def is_read() -> bool:
        with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
            return not failure_of(connection, call)

    return is_read


def called(call: Callable[[], bool], going: Callable[[float], bool]) -> Calls:
    """Call at fixed intervals while a condition holds, and record each latency. The condition gets the start time."""
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
