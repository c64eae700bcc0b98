"""`make run`: what it serves, prints, and how it stops."""

import socket
import sqlite3
import subprocess
import urllib.request
from contextlib import closing
from pathlib import Path

import psutil

from benchmarks.load import picture_call, send
from benchmarks.processes import ROOT, free_port, running


def test_make_run_serves_stores_and_stops_on_signal(tmp_path: Path, mnist_pictures: dict[int, bytes]) -> None:
    port, database = free_port(), tmp_path / "db.sqlite3"
    own = {"DATABASE_URL": f"sqlite:///{database}", "MEDIA_ROOT": str(tmp_path / "media")}
    with running(["make", "run", f"PORT={port}"], port, "/readyz", own, tmp_path / "log") as server:
        family = [server.process, *server.process.children(recursive=True)]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as page:
            assert page.status == 200
            assert "sessionid" not in str(page.headers)
        stored = send([picture_call(port, "/api/v1/predictions/", mnist_pictures[7], 201)], 3, lambda: None)
        assert stored.errors == []
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as told_by_one:
            assert 'digit_readings_total{outcome="read"} 3.0' in told_by_one.read().decode(), "of all processes"
    assert not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in family)
    with closing(sqlite3.connect(database)) as file:
        assert file.execute("SELECT count(*) FROM recognizer_prediction").fetchone() == (3,)
    told = (tmp_path / "log").read_text()
    assert told.count(f"Open http://127.0.0.1:{port} in a browser") == 1
    assert "Traceback" not in told
    assert "ERROR" not in told


def test_taken_port_is_reported_first(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = ["make", "--silent", "run", f"PORT={port}", f"DATABASE_URL=sqlite:///{tmp_path / 'db.sqlite3'}"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode != 0
    assert f"Port {port} on 127.0.0.1 is taken" in done.stderr
    assert "try make run PORT=8001" in done.stderr
    assert not (tmp_path / "db.sqlite3").exists()
