"""The benchmarks measure what they claim."""

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from django.contrib.auth.models import User

from benchmarks import batches, pen, pictures, post, publishing, rows
from benchmarks.load import Outcome, picture_call, send
from benchmarks.processes import ROOT, free_port, running
from benchmarks.reader import NETWORK, Picture, costs_by_stage, memory_by_stage
from benchmarks.server import Measured, fastapi_command, ratios, table
from keys.models import Key
from recognizer.models import Prediction
from recognizer.reading import Reader, load_classifier
from recognizer.serving.install import install_shipped_version
from tests.factories import run
from tests.servers import postgres_or_skip, redis_or_skip


class EverySecondFails(BaseHTTPRequestHandler):
    """Answers 201 and 500 in turn."""

    protocol_version = "HTTP/1.1"
    bodies: list[bytes]

    def do_POST(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(201 if len(self.bodies) % 2 else 500)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def moody_server() -> Iterator[HTTPServer]:
    EverySecondFails.bodies = []
    with HTTPServer(("127.0.0.1", 0), EverySecondFails) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(load_classifier(NETWORK.read_bytes(), "litert"))


def test_failed_calls_are_counted_and_not_timed(moody_server: HTTPServer) -> None:
    ticks: list[None] = []
    call = picture_call(moody_server.server_port, "/", b"a picture", 201)
    outcome = send([call], 10, lambda: ticks.append(None))
    assert (len(outcome.latencies), len(outcome.errors), len(ticks)) == (5, 5, 10)
    assert outcome.errors[0].startswith("500")
    assert outcome.rate == pytest.approx(5 / outcome.seconds)
    assert 0 < outcome.percentile(50) <= outcome.percentile(99)
    assert all(b"a picture" in body for body in EverySecondFails.bodies)


def test_dead_server_is_counted_as_an_error() -> None:
    outcome = send([picture_call(free_port(), "/", b"", 201)] * 2, 3, lambda: None)
    assert (len(outcome.latencies), len(outcome.errors)) == (0, 3)


def test_stopping_a_server_stops_its_children(tmp_path: Path) -> None:
    port = free_port()
    command = ["sh", "-c", f"{sys.executable} -m http.server {port} --bind 127.0.0.1; true"]
    with running(command, port, "/", {}, tmp_path / "log") as server:
        family = [server.process, *server.process.children(recursive=True)]
        assert server.resident("http.server") > 1e6
        assert server.start > 0
    # A killed process takes a moment to end, and its parent to notice.
    _, left = psutil.wait_procs(family, timeout=10)
    assert all(process.status() == psutil.STATUS_ZOMBIE for process in left)


def test_server_that_fails_to_start_reports_why(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no such luck')"]
    with pytest.raises(RuntimeError, match="no such luck"), running(command, free_port(), "/", {}, tmp_path / "log"):
        pass


def measured(seconds: float) -> Measured:
    outcome = Outcome([seconds] * 10, seconds=10 * seconds)
    return Measured(1.0, 2.0, outcome, outcome, 1.61e8)


def test_ratios_are_shown_with_their_targets() -> None:
    told = ratios(measured(0.01), measured(0.2), measured(0.004))
    assert "of FastAPI's | ≥ 0.35 | 0.40 |" in told
    assert "Flask's, of the site's | ≥ 12 | 20.00 |" in told
    assert "of their p50 | ≤ 2 | 1.00 |" in told
    assert "of what it was | ≤ 0.9 | 1.00 |" in told


def test_fastapi_runs_with_uvloop_httptools_and_all_workers() -> None:
    options = " ".join(fastapi_command(8001))
    assert "--loop uvloop --http httptools" in options
    default = re.search(r"WEB_CONCURRENCY \?= (\d+)", (ROOT / "Makefile").read_text())
    assert default
    assert f"--workers {default[1]} " in options


def test_table_compares_the_site_with_its_peers() -> None:
    told = table(measured(0.01), {"slow": measured(0.02), "fast": measured(0.005)})
    assert "| one client, p50, ms | ≤ 10 | 10 | 20 | 2 x | 5 | 0.5 x |" in told
    assert "| 16 clients, readings a second | ≥ 150 | 100 | 50 | 2 x | 200 | 0.5 x |" in told
    assert len({line.count("|") for line in told.splitlines()}) == 1


def test_slowest_readings_of_a_pen_are_reported() -> None:
    times = np.full((20, 10), 100.0)
    times[:2, 1:] = 400
    told = pen.table({"desktop": times})
    assert "| desktop, 1 stroke | 100 | 100 | 100 |" in told
    assert "| desktop, 2 to 10 strokes | 100 | 400 | 400 |" in told


def test_benchmark_pictures_are_read_as_numbers(reader: Reader) -> None:
    digits = [reader.read(make()).text for make in (pictures.drawn_digit, pictures.cheque, pictures.photo)]
    assert [len(text.replace("\n", "")) for text in digits] == [1, 7, 18]
    assert digits[2].count("\n") == 2


def test_the_stages_add_up_to_the_whole(reader: Reader) -> None:
    picture = Picture("cheque", pictures.cheque(), 1, 25, 10)
    costs = costs_by_stage(reader, picture, lambda: None)
    whole, from_pixels = costs.pop("from bytes"), costs.pop("from pixels")
    assert set(costs) == {
        "open", "page", "lines", "cuts", "frames", "classifier", "spotter", "grey reader", "lattice", "the rest",
    }  # fmt: skip
    assert all(cost > 0 for cost in costs.values())
    assert sum(costs.values()) == pytest.approx(whole)
    assert from_pixels > costs["classifier"]


def test_the_stages_of_a_post_are_timed_in_the_real_site(
    transactional_db: None, media: Path, settings: Any, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(post, "TIMES", 3)
    settings.MIDDLEWARE = settings.MIDDLEWARE  # Set here, it is put back afterwards.
    install_shipped_version()
    stages = next(post.rounds_in_this_process(Key.objects.issue(user)[1]))
    assert Prediction.objects.filter(owner=user).count() == 3
    assert all(milliseconds > 0 for milliseconds in stages.values())


def test_rows_benchmark_compares_deep_pages_with_the_first(
    db: None, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "TIMES", 2)
    install_shipped_version()
    run("seed_predictions", 200)
    told = rows.measure()
    assert told.startswith("With 200 predictions")
    assert "| history: page 4 |" in told
    assert re.search(r"^Page 4 takes \d\.\d\d times as long as page 1 in the history", told, re.MULTILINE)
    queries = [
        int(line.split("|")[4]) for line in told.splitlines() if line.startswith(("| admin", "| history", "| API"))
    ]
    assert len(queries) == 15
    assert max(queries) <= 10


def test_table_shows_how_many_workers_fill_each_shared_server() -> None:
    able = {"commits": (1000.0, 0.05), "images": (5000.0, 1.0)}
    told = batches.table(64, 3, one=200.0, two=380.0, able=able)
    assert "Two workers read 1.90 times as much as one." in told
    assert "| one | 200 | ≥ 600 | 83 |" in told
    assert "| images | 5,000 | 200.0 | 25 |\n| commits | 1,000 | 10.0 | 100 |" in told, "what gives first comes first"
    assert "is images: at 25 workers, 5,000 pictures per second, a million in 3.3 minutes" in told


@pytest.mark.serial
@pytest.mark.slow
def test_real_workers_are_measured_on_postgresql_and_redis() -> None:
    postgres_or_skip(batches.POSTGRES)
    redis_or_skip()
    code = "from benchmarks import batches; print(batches.measure(130, rounds=1))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.startswith("Batches of 130 drawn digits")
    told = re.search(r"Two workers read (\d\.\d\d) times", done.stdout)
    assert told
    assert 0.3 < float(told[1]) < 3


@pytest.mark.parametrize(("server", "which"), [("POSTGRES", batches.a_database), ("REDIS", batches.a_queue)])
def test_missing_server_is_named(server: str, which: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, server, f"{server.lower()}://127.0.0.1:{free_port()}/0")
    with pytest.raises(SystemExit, match=f"is needed, and none answers at TEST_{server}_URL"), which():
        pass


def test_results_are_published_between_their_marks(published: Path) -> None:
    publishing.publish("rows", "| new |\n")
    for page in (publishing.RESULTS, publishing.README):
        told = page.read_text()
        assert "<!-- learning -->\nold\n<!-- /learning -->" in told
        assert "\n<!-- rows -->\nOn " in told
        assert told.endswith("\n\n| new |\n<!-- /rows -->\n")
    assert "\n\n| new |\n" in (publishing.DOCS / "rows.md").read_text()
    assert "old" in (publishing.DOCS / "batches.md").read_text()


def test_lower_bound_is_a_durable_row(tmp_path: Path) -> None:
    assert 0 < post.flushed_row(tmp_path) < 1000


def test_measured_memory_is_that_of_allocated_arrays(reader: Reader) -> None:
    data = pictures.photo()
    memory = memory_by_stage(reader, Picture("photo", data, 1, 400, 100))
    assert memory["open"] > 12e6
    assert memory["from bytes"] >= memory["open"]
