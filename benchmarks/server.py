"""The site as `make run` starts it, measured beside apps that run the same network and store nothing."""

import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from . import pictures
from .load import Call, Outcome, picture_call, send
from .processes import ROOT, Server, free_port, running
from .tables import markdown

WARM_UP, ALONE, CROWD = 20, 180, 800
"""Readings before any is counted, those of one client, and those of 16; 1,000 together."""

CLIENTS = 16


@dataclass(frozen=True)
class Measured:
    """What one server did. first_start: seconds to ready with everything still to be set up, where that differs."""

    start: float
    first_start: float | None
    alone: Outcome
    crowd: Outcome
    resident: float


def measure() -> str:
    """Measure the servers, one after the other. Returns a Markdown table. Raises RuntimeError where one fails."""
    readings = 3 * (WARM_UP + ALONE + CROWD)
    with tempfile.TemporaryDirectory() as folder, tqdm(total=readings, desc="server", unit="reading") as bar:
        site = measure_site(Path(folder), bar)
        peers = {
            "Flask and `model.predict`": measure_flask(Path(folder), bar),
            "FastAPI and ONNX Runtime": measure_fastapi(Path(folder), bar),
        }
    return table(site, peers)


def measure_site(folder: Path, bar: Any) -> Measured:
    """Start the site twice, on an empty database and on one that is there, and load it the second time."""
    environment = site_environment(folder)
    port = free_port()
    command = ["make", "run", "HOST=127.0.0.1", f"PORT={port}"]
    with running(command, port, "/readyz", environment, folder / "first.log") as server:
        first_start = server.start
    token = token_of_a_new_user(environment)
    call = picture_call(port, "/api/v1/predictions/", pictures.drawn_digit(), 201, token)
    with running(command, port, "/readyz", environment, folder / "site.log") as server:
        return under_load(server, call, "gunicorn", bar, first_start)


def site_environment(folder: Path) -> dict[str, str]:
    """Return the settings of a site with a database of its own and without limits."""
    return {
        "DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}",
        "MEDIA_ROOT": str(folder / "media"),
        "API_THROTTLE": "off",
    }


def measure_flask(folder: Path, bar: Any) -> Measured:
    """Start the demo's app as demos start it, and load it."""
    port = free_port()
    command = [sys.executable, "-m", "flask", "--app", "benchmarks.flask_peer", "run", "--port", str(port)]
    call = picture_call(port, "/predict", pictures.drawn_digit(), 200)
    with running(command, port, "/", {}, folder / "flask.log") as server:
        return under_load(server, call, "flask", bar)


def measure_fastapi(folder: Path, bar: Any) -> Measured:
    """Write the network as ONNX, start the app that reads it, and load it."""
    network = folder / "digits.onnx"
    command = [sys.executable, "-m", "benchmarks.onnx_network", str(network)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "benchmarks.fastapi_peer:app", "--port", str(port)]
    call = picture_call(port, "/predict", pictures.drawn_digit(), 200)
    with running(command, port, "/", {"NETWORK": str(network)}, folder / "fastapi.log") as server:
        return under_load(server, call, "uvicorn", bar)


def under_load(server: Server, call: Call, program: str, bar: Any, first_start: float | None = None) -> Measured:
    send(call, WARM_UP, 1, bar.update)
    alone = send(call, ALONE, 1, bar.update)
    crowd = send(call, CROWD, CLIENTS, bar.update)
    for outcome in (alone, crowd):
        if outcome.errors:
            raise RuntimeError(f"{program}: {len(outcome.errors)} calls failed, the first with {outcome.errors[0]}")
    return Measured(server.start, first_start, alone, crowd, server.resident(program))


def token_of_a_new_user(environment: dict[str, str]) -> str:
    """Make an account in the site's database, and a token for it."""
    code = (
        "from django.contrib.auth.models import User\n"
        "from keys.models import Key\n"
        "print(Key.objects.issue(User.objects.create_user('benchmark'))[1])"
    )
    command = ["env", *(f"{name}={value}" for name, value in environment.items())]
    command += [sys.executable, "manage.py", "shell", "--no-imports", "-c", code]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()[-1]


def table(site: Measured, peers: dict[str, Measured]) -> str:
    """Lay the site and its peers out side by side; a ratio says how many times better the site did than the one."""

    def row(what: str, must: str, value: Callable[[Measured], float], more_is_better: bool = False) -> list[str]:
        mine = value(site)
        cells = [what, must, f"{mine:.3g}"]
        for theirs in map(value, peers.values()):
            ratio = mine / theirs if more_is_better else theirs / mine
            cells += [f"{theirs:.3g}", f"{ratio:.2g} x"]
        return cells

    rows = [
        row("one client, p50, ms", "≤ 10", lambda server: server.alone.percentile(50)),
        row("one client, p99, ms", "", lambda server: server.alone.percentile(99)),
        row(f"{CLIENTS} clients, p50, ms", "", lambda server: server.crowd.percentile(50)),
        row(f"{CLIENTS} clients, p99, ms", "≤ 400", lambda server: server.crowd.percentile(99)),
        row(f"{CLIENTS} clients, readings a second", "≥ 150", lambda server: server.crowd.rate, more_is_better=True),
        row("from start to ready, s", "≤ 4", lambda server: server.start),
        ["the same on an empty database, s", "", f"{site.first_start:.3g}", *[""] * 2 * len(peers)],
        row("resident after 1,000 readings, MB", "≤ 220", lambda server: server.resident / 1e6),
    ]
    heads = ["", "must", "this site, storing each"]
    for name in peers:
        heads += [f"{name}, storing nothing", "better by"]
    return markdown(heads, rows)
