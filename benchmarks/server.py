"""The site as `make run` starts it, measured beside a Flask app that calls `model.predict` as demos do."""

import subprocess
import sys
import tempfile
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
    """Measure both servers, one after the other. Returns a Markdown table. Raises RuntimeError where one fails."""
    readings = 2 * (WARM_UP + ALONE + CROWD)
    with tempfile.TemporaryDirectory() as folder, tqdm(total=readings, desc="server", unit="reading") as bar:
        site = measure_site(Path(folder), bar)
        flask = measure_flask(Path(folder), bar)
    return table(site, flask)


def measure_site(folder: Path, bar: Any) -> Measured:
    """Start the site twice, on an empty database and on one that is there, and load it the second time."""
    environment = {
        "DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}",
        "MEDIA_ROOT": str(folder / "media"),
        "API_THROTTLE": "off",
    }
    port = free_port()
    command = ["make", "run", "HOST=127.0.0.1", f"PORT={port}"]
    with running(command, port, "/readyz", environment, folder / "first.log") as server:
        first_start = server.start
    token = token_of_a_new_user(environment)
    call = picture_call(port, "/api/v1/predictions/", pictures.drawn_digit(), 201, token)
    with running(command, port, "/readyz", environment, folder / "site.log") as server:
        return under_load(server, call, "gunicorn", bar, first_start)


def measure_flask(folder: Path, bar: Any) -> Measured:
    """Start the demo's app as demos start it, and load it."""
    port = free_port()
    command = [sys.executable, "-m", "flask", "--app", "benchmarks.flask_peer", "run", "--port", str(port)]
    call = picture_call(port, "/predict", pictures.drawn_digit(), 200)
    with running(command, port, "/", {}, folder / "flask.log") as server:
        return under_load(server, call, "flask", bar)


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


def table(site: Measured, flask: Measured) -> str:
    """Lay the two out side by side; a ratio says how many times better the site did."""

    def row(what: str, mine: float, theirs: float, more_is_better: bool = False) -> list[str]:
        ratio = mine / theirs if more_is_better else theirs / mine
        return [what, f"{mine:.3g}", f"{theirs:.3g}", f"{ratio:.1f} x"]

    rows = [
        row("one client, p50, ms", site.alone.percentile(50), flask.alone.percentile(50)),
        row("one client, p99, ms", site.alone.percentile(99), flask.alone.percentile(99)),
        row(f"{CLIENTS} clients, p50, ms", site.crowd.percentile(50), flask.crowd.percentile(50)),
        row(f"{CLIENTS} clients, p99, ms", site.crowd.percentile(99), flask.crowd.percentile(99)),
        row(f"{CLIENTS} clients, readings a second", site.crowd.rate, flask.crowd.rate, more_is_better=True),
        row("from start to ready, s", site.start, flask.start),
        ["the same on an empty database, s", f"{site.first_start:.3g}", "", ""],
        row("resident after 1,000 readings, MB", site.resident / 1e6, flask.resident / 1e6),
    ]
    return markdown(["", "this site, storing each", "Flask and `model.predict`, storing nothing", "better by"], rows)
