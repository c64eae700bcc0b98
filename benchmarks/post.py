"""Breakdown of the milliseconds of a POST by stage, and the lower bound set by disk and database.

Run as a program, with a site's settings in the environment and a token, it times the stages in one process: a round for
each line on its standard input.
"""

import io
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from prometheus_client import REGISTRY

from . import pictures
from .load import Call, picture_call, send
from .processes import ROOT, free_port, gunicorn, running, site_command
from .reader import Meter, metered
from .server import counted_environment, tokens_of_new_users
from .tables import markdown

ROUNDS, TIMES = 10, 20
"""Rounds, and calls per round; one warm-up round before them is not counted."""

READING = {
    "decode": ["open"],
    "page, lines, cuts, frames": ["page", "lines", "cuts", "frames"],
    "networks": ["classifier", "spotter", "line reader", "grey reader"],
}
"""Rows of the table, and the reader's stages that each sums up."""

KEEPING = {"encode the image": "encode", "transaction": "row"}
"""Rows of the table, and the stages counted by the site's own metrics."""


def measure() -> str:
    """Time a POST of one client against a server and, by stage, in one process, alternately. Returns Markdown tables.

    Medians in milliseconds, which need not add up: the difference is "everything else".
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = counted_environment(folder) | {"HTTPS": "off"}
        environment = os.environ | settings
        subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=environment, check=True)
        (token,) = tokens_of_new_users(settings)
        port = free_port()
        call = picture_call(port, "/api/v1/predictions/", pictures.drawn_digit(), 201, token)
        served, stages = in_turn(call, settings, folder)
        hello_call = picture_call(port, "/", pictures.drawn_digit(), 200)
        with running(gunicorn(port, "benchmarks.hello"), port, "/", {}, folder / "log"):
            hello = statistics.median(answered(hello_call) for _ in range(1 + ROUNDS))
        bound = {
            "gunicorn and HTTP, one-line application": hello,
            "a row of SQLite flushed to disk": flushed_row(folder),
        }
    stages["gunicorn and HTTP"] = hello
    stages |= {"everything else": served - sum(stages.values()), "**total**": served}
    bound["**total**"] = sum(bound.values())
    return f"{laid_out('a POST', stages)}\n{laid_out('the lower bound', bound)}"


def laid_out(name: str, costs: dict[str, float]) -> str:
    return markdown([name, "ms"], [[stage, f"{milliseconds:.2f}"] for stage, milliseconds in costs.items()])


def in_turn(call: Call, settings: dict[str, str], folder: Path) -> tuple[float, dict[str, float]]:
    """Return the milliseconds of a call to a server, and by stage in one process.

    Rounds alternate, so that other load on the machine affects both.
    """
    server = site_command(call.port)
    program = [sys.executable, "-m", "benchmarks.post", call.headers["Authorization"].split()[1]]
    with (
        running(server, call.port, "/readyz", settings, folder / "log"),
        (folder / "stages.log").open("wb") as log,
        subprocess.Popen(
            program, cwd=ROOT, env=os.environ | settings, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
        ) as timer,
    ):
        assert timer.stdin is not None
        assert timer.stdout is not None
        served, stages = [], []
        for _ in range(1 + ROUNDS):
            served.append(answered(call))
            timer.stdin.write(b"\n")
            timer.stdin.flush()
            stages.append(json.loads(timer.stdout.readline()))
        timer.stdin.close()
    medians = {stage: statistics.median(each[stage] for each in stages[1:]) for stage in stages[0]}
    return statistics.median(served[1:]), medians


def answered(call: Call) -> float:
    """Return the median milliseconds of a round of calls to a server. Raises RuntimeError if one fails."""
    outcome = send([call], TIMES, lambda: None)
    if outcome.errors:
        raise RuntimeError(f"{call.path}: {outcome.errors[0]}")
    return outcome.percentile(50)


def flushed_row(folder: Path) -> float:
    """Return the median milliseconds to commit one row of a kilobyte durably."""
    with closing(sqlite3.connect(folder / "floor.sqlite3", isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        database.execute("CREATE TABLE row (id INTEGER PRIMARY KEY, content BLOB)")
        return median(lambda turn: database.execute("INSERT INTO row (content) VALUES (?)", [bytes(1000)]))


def median(work: Callable[[int], Any]) -> float:
    """Return the median milliseconds of repeated calls of a function."""
    times = []
    for turn in range(ROUNDS * TIMES):
        started = time.perf_counter()
        work(turn)
        times.append(1000 * (time.perf_counter() - started))
    return statistics.median(times)


class ViewClock:
    """The innermost middleware; adds up the seconds of the view."""

    seconds = 0.0

    def __init__(self, get_response: Callable[[Any], Any]) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        started = time.perf_counter()
        try:
            return self.get_response(request)
        finally:
            ViewClock.seconds = time.perf_counter() - started


def rounds_in_this_process(token: str) -> Iterator[dict[str, float]]:
    """Post a picture to the site in this process repeatedly. Yields median milliseconds by stage, for each round."""
    from django.conf import settings
    from django.core.wsgi import get_wsgi_application

    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.ViewClock"]
    application = get_wsgi_application()
    call = picture_call(80, "/api/v1/predictions/", pictures.drawn_digit(), 201, token)
    while True:
        runs = [stages_of(application, call) for _ in range(TIMES)]
        yield {stage: 1000 * statistics.median(run[stage] for run in runs) for stage in runs[0]}


def stages_of(application: Callable[..., Any], call: Call) -> dict[str, float]:
    """Return the seconds of one call, by stage."""
    from recognizer.serving.cache import serving_reader

    meter, before = Meter(time.perf_counter), counted()
    with metered(serving_reader().reader, meter):
        started = time.perf_counter()
        post(application, call)
        whole = time.perf_counter() - started
    passed = {stage: seconds - before[stage] for stage, seconds in counted().items()}
    stages = {row: sum(meter.costs.get(part, 0.0) for part in parts) for row, parts in READING.items()}
    stages["the rest of the reading"] = passed["reading"] - sum(stages.values())
    stages |= {row: passed[stage] for row, stage in KEEPING.items()}
    stages["REST framework, token, answer"] = ViewClock.seconds - sum(stages.values())
    return stages | {"Django's middleware, connection": whole - ViewClock.seconds}


def counted() -> dict[str, float]:
    """Return the seconds counted so far by the site's metrics, by stage."""
    seconds = {
        stage: REGISTRY.get_sample_value("digit_stage_seconds_sum", {"stage": stage}) or 0.0
        for stage in KEEPING.values()
    }
    return seconds | {"reading": REGISTRY.get_sample_value("digit_reading_seconds_sum") or 0.0}


def post(application: Callable[..., Any], call: Call) -> None:
    """Call a WSGI application as a server does. Raises RuntimeError for an unexpected answer."""
    environ = {
        "REQUEST_METHOD": "POST", "PATH_INFO": call.path, "QUERY_STRING": "", "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": "localhost", "SERVER_PORT": str(call.port), "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": call.headers["Content-Type"], "CONTENT_LENGTH": str(len(call.body)),
        "HTTP_HOST": "localhost", "HTTP_AUTHORIZATION": call.headers["Authorization"],
        "wsgi.input": io.BytesIO(call.body), "wsgi.errors": sys.stderr, "wsgi.url_scheme": "http",
        "wsgi.version": (1, 0), "wsgi.multithread": True, "wsgi.multiprocess": False, "wsgi.run_once": False,
    }  # fmt: skip
    statuses: list[str] = []
    answer = application(environ, lambda status, headers, error=None: statuses.append(status))
    with closing(answer):
        content = b"".join(answer)
    if not statuses[0].startswith(str(call.expected)):
        raise RuntimeError(f"{statuses[0]}: {content[:200]!r}")


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "digitsite.settings")
    for _, stages in zip(sys.stdin, rounds_in_this_process(sys.argv[1]), strict=False):
        print(json.dumps(stages), flush=True)
