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

PROCESSES = 2
"""Web processes that `make run` starts; the fast demo has as many."""

RESIDENT = 161e6
"""Bytes of a web process after 1,000 readings on 29 November 2026, to compare with."""

FLASK, FASTAPI = "Flask and `model.predict`", "FastAPI and ONNX Runtime"


@dataclass(frozen=True)
class Measured:
    """Measurements of one server. first_start: seconds until ready on an empty database, if it has one."""

    start: float
    first_start: float | None
    alone: Outcome
    crowd: Outcome
    resident: float


def measure() -> str:
    """Measure the servers, one after the other. Returns a Markdown table. Raises RuntimeError if one fails."""
    readings = 3 * (WARM_UP + ALONE + CROWD)
    with tempfile.TemporaryDirectory() as folder, tqdm(total=readings, desc="server", unit="reading") as bar:
        site = measure_site(Path(folder), bar)
        peers = {
            FLASK: measure_flask(Path(folder), bar),
            FASTAPI: measure_fastapi(Path(folder), bar),
        }
    return f"{table(site, peers)}\n{ratios(site, peers[FLASK], peers[FASTAPI])}"


def measure_site(folder: Path, bar: Any) -> Measured:
    """Start the site twice, on an empty database and on an existing one, and load it the second time."""
    environment = counted_environment(folder)
    port = free_port()
    command = ["make", "run", "HOST=127.0.0.1", f"PORT={port}"]
    with running(command, port, "/readyz", environment, folder / "first.log") as server:
        first_start = server.start
    tokens = tokens_of_new_users(environment, CLIENTS)
    calls = [picture_call(port, "/api/v1/predictions/", pictures.drawn_digit(), 201, token) for token in tokens]
    with running(command, port, "/readyz", environment, folder / "site.log") as server:
        return under_load(server, calls, "gunicorn", bar, first_start)


def site_environment(folder: Path) -> dict[str, str]:
    """Return the settings of a site with a database of its own and without limits."""
    return {
        "DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}",
        "MEDIA_ROOT": str(folder / "media"),
        "API_THROTTLE": "off",
    }


def counted_environment(folder: Path) -> dict[str, str]:
    """Return the settings of a site with a database of its own and rate limits that are counted but refuse nobody."""
    limits = {"API_THROTTLE": "on", "DJANGO_SETTINGS_MODULE": "benchmarks.counted"}
    return site_environment(folder) | limits | {"CACHE_URL": f"filecache://{folder / 'limits'}"}


def measure_flask(folder: Path, bar: Any) -> Measured:
    """Start the Flask demo with its development server, and load it."""
    port = free_port()
    command = [sys.executable, "-m", "flask", "--app", "benchmarks.flask_peer", "run", "--port", str(port)]
    call = picture_call(port, "/predict", pictures.drawn_digit(), 200)
    with running(command, port, "/", {}, folder / "flask.log") as server:
        return under_load(server, [call] * CLIENTS, "flask", bar)


def measure_fastapi(folder: Path, bar: Any) -> Measured:
    """Write the network as ONNX, start the FastAPI demo, and load it."""
    network = folder / "digits.onnx"
    command = [sys.executable, "-m", "benchmarks.onnx_network", str(network)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    port = free_port()
    call = picture_call(port, "/predict", pictures.drawn_digit(), 200)
    with running(fastapi_command(port), port, "/", {"NETWORK": str(network)}, folder / "fastapi.log") as server:
        return under_load(server, [call] * CLIENTS, "spawn_main", bar)


def fastapi_command(port: int) -> list[str]:
    """Return the command that serves the FastAPI demo. It fails without uvloop or httptools."""
    command = [sys.executable, "-m", "uvicorn", "benchmarks.fastapi_peer:app", "--port", str(port)]
    return [*command, "--workers", str(PROCESSES), "--loop", "uvloop", "--http", "httptools"]


def under_load(server: Server, calls: list[Call], program: str, bar: Any, first_start: float | None = None) -> Measured:
    """Load a server: one client alone, then as many as there are calls."""
    send(calls[:1], WARM_UP, bar.update)
    alone = send(calls[:1], ALONE, bar.update)
    crowd = send(calls, CROWD, bar.update)
    for outcome in (alone, crowd):
        if outcome.errors:
            raise RuntimeError(f"{program}: {len(outcome.errors)} calls failed, the first with {outcome.errors[0]}")
    return Measured(server.start, first_start, alone, crowd, server.resident(program))


def tokens_of_new_users(environment: dict[str, str], count: int = 1) -> list[str]:
    """Create accounts in the site's database, and a token for each."""
    code = (
        "from django.contrib.auth.models import User\n"
        "from keys.models import Key\n"
        f"for number in range({count}):\n"
        "    print(Key.objects.issue(User.objects.create_user(f'benchmark {number}'))[1])"
    )
    command = ["env", *(f"{name}={value}" for name, value in environment.items())]
    command += [sys.executable, "manage.py", "shell", "--no-imports", "-c", code]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()[-count:]


def table(site: Measured, peers: dict[str, Measured]) -> str:
    """Compare the site with its peers in a table, with how many times better the site is."""

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
    heads = ["", "target", "this site, storing each"]
    for name in peers:
        heads += [f"{name}, storing nothing", "better by"]
    return markdown(heads, rows)


def ratios(site: Measured, flask: Measured, fastapi: Measured) -> str:
    """Return ratios to the peers and to earlier figures, each beside its target."""
    rows: list[tuple[str, str, float]] = [
        ("readings a second of 16 clients, of FastAPI's", "≥ 0.35", site.crowd.rate / fastapi.crowd.rate),
        ("p50 of one client: Flask's, of the site's", "≥ 12", flask.alone.percentile(50) / site.alone.percentile(50)),
        ("p99 of 16 clients, of their p50", "≤ 2", site.crowd.percentile(99) / site.crowd.percentile(50)),
        ("resident after 1,000 readings, of what it was", "≤ 0.9", site.resident / RESIDENT),
    ]
    return markdown(["ratio", "must", "is"], [[what, must, f"{found:.2f}"] for what, must, found in rows])
