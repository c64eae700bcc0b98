"""Whole sites of processes, killed at random: each run ends once, and nobody ever sees half a version."""

import hashlib
import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site

KILLS = int(os.environ.get("KILLS", "4"))
BROKERS = {
    "embedded": None,
    "redis": os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/9"),
    "rabbitmq": os.environ.get("TEST_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672//"),
}


def answers(url: str) -> bool:
    host, _, port = url.rpartition("@")[2].removeprefix("redis://").partition("/")[0].partition(":")
    try:
        socket.create_connection((host, int(port)), timeout=2).close()
    except OSError:
        return False
    return True


class Site:
    """A site with a database, a media folder and a broker of its own."""

    def __init__(self, folder: Path, broker: str | None) -> None:
        self.folder = folder
        self.environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "tests.training.rehearsal_settings",
            "DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}",
            "MEDIA_ROOT": str(folder / "media"),
            "CELERY_BROKER_URL": broker or f"filesystem://{folder / 'broker'}",
            "REHEARSAL_QUEUE": f"rehearsal-{uuid.uuid4().hex[:8]}",
            "SECRET_KEY": "of this test alone, and of nothing else",
            "HTTPS": "off",
            "RETRAIN_LEAST": "2",
            "API_THROTTLE": "off",
        }
        self.worker: subprocess.Popen[bytes] | None = None
        self.log = (folder / "worker.log").open("ab")

    def manage(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=site.BASE_DIR,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=240,
        )
        if check:
            assert done.returncode == 0, done.stderr
        return done.stdout + ("" if check else done.stderr)

    def start_worker(self) -> None:
        command = ["-m", "celery", "-A", "digitsite", "worker", "--pool", "threads", "--concurrency", "1"]
        quiet = ["--without-gossip", "--without-mingle", "--loglevel", "WARNING"]
        self.worker = subprocess.Popen(
            [sys.executable, *command, *quiet],
            cwd=site.BASE_DIR,
            env=self.environment,
            stdout=self.log,
            stderr=self.log,
        )

    def kill_worker(self) -> None:
        assert self.worker is not None
        self.worker.kill()
        self.worker.wait()

    def trainers(self) -> list[int]:
        assert self.worker is not None
        found = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self.worker.pid)], capture_output=True, text=True
        ).stdout
        return [int(pid) for pid in found.split()]

    def ask(self, question: str) -> list[Any]:
        with sqlite3.connect(self.folder / "db.sqlite3", timeout=20) as database:
            return database.execute(question).fetchall()

    def state(self) -> str:
        return str(self.ask("SELECT state FROM training_trainingrun ORDER BY id DESC LIMIT 1")[0][0])

    def until(self, condition: Callable[[], bool], seconds: float = 60) -> float:
        started = time.monotonic()
        while not condition():
            assert time.monotonic() - started < seconds, (self.folder / "worker.log").read_text()[-3000:]
            time.sleep(0.1)
        return time.monotonic() - started

    def until_ended(self, seconds: float = 90) -> str:
        self.until(lambda: self.state() not in ("queued", "running"), seconds)
        return self.state()

    def check_versions(self) -> None:
        """Hold every version there is to the files it names."""
        kinds = "keras_file, keras_sha256", "litert_file, litert_sha256"
        for kind in kinds:
            for name, recorded in self.ask(f"SELECT {kind} FROM recognizer_modelversion"):  # noqa: S608
                content = (self.folder / "media" / name).read_bytes()
                assert hashlib.sha256(content).hexdigest() == recorded

    def close(self) -> None:
        if self.worker is not None and self.worker.poll() is None:
            self.worker.send_signal(signal.SIGTERM)
            try:
                self.worker.wait(20)
            except subprocess.TimeoutExpired:
                self.kill_worker()
        self.log.close()


@pytest.fixture
def make_site(tmp_path: Path, mnist_pictures: dict[int, bytes]) -> Iterator[Callable[..., Site]]:
    made: list[Site] = []

    def make(broker: str | None = None) -> Site:
        new = Site(tmp_path, broker)
        made.append(new)
        new.manage("migrate", "--verbosity", "0")
        folder = tmp_path / "labelled"
        folder.mkdir()
        for digit, content in mnist_pictures.items():
            (folder / f"{digit}.png").write_bytes(content)
        labels = {f"{digit}.png": {"text": str(digit)} for digit in mnist_pictures}
        (folder / "labels.json").write_text(json.dumps(labels))
        new.manage("import_corrections", str(folder))
        return new

    yield make
    for each in made:
        each.close()


@pytest.mark.parametrize("broker", BROKERS)
def test_a_run_is_delivered_worked_on_and_ended_once(make_site: Callable[..., Site], broker: str) -> None:
    url = BROKERS[broker]
    if url is not None and not answers(url):
        if os.environ.get("CI"):
            pytest.fail(f"no {broker} answers at {url}, and CI must not skip it")
        pytest.skip(f"no {broker} answers at {url}")
    whole = make_site(url)
    whole.start_worker()
    # Two buttons pressed at once: one run.
    told: list[str] = []
    presses = [threading.Thread(target=lambda: told.append(whole.manage("retrain", check=False))) for _ in range(2)]
    for press in presses:
        press.start()
    for press in presses:
        press.join()
    assert sorted("is under way" in each for each in told) == [False, True]
    assert whole.until_ended() == "promoted"
    assert whole.ask("SELECT fence FROM training_trainingrun") == [(1,)]
    assert len(whole.ask("SELECT * FROM recognizer_promotion")) == 2
    (whole.folder / "media" / "hold").touch()
    whole.manage("retrain")
    whole.until(lambda: whole.state() == "running")
    cancelled = whole.manage("retrain", "--cancel")
    assert "is cancelled" in cancelled
    assert whole.until(lambda: not whole.trainers(), 10) < 5
    assert whole.state() == "cancelled"
    whole.check_versions()
    assert not list((whole.folder / "media" / "runs").rglob("*.zip"))


def test_runs_survive_the_death_of_worker_and_training_process(make_site: Callable[..., Site]) -> None:
    chance = random.Random(KILLS)
    whole = make_site()
    whole.start_worker()
    killed = runs = 0
    while killed < KILLS:
        whole.manage("retrain")
        runs += 1
        for _ in range(min(3, KILLS - killed)):
            time.sleep(chance.uniform(0.2, 3.5))
            if whole.state() not in ("queued", "running"):
                break
            killed += 1
            if chance.random() < 0.5:
                whole.kill_worker()
                whole.start_worker()
            else:
                for pid in whole.trainers():
                    os.kill(pid, signal.SIGKILL)
        assert whole.until_ended() == "promoted"
        whole.check_versions()
    states = [state for (state,) in whole.ask("SELECT state FROM training_trainingrun")]
    assert states == ["promoted"] * runs
    # The shipped version's promotion, and one of each run.
    assert len(whole.ask("SELECT * FROM recognizer_promotion")) == 1 + runs
    assert len(whole.ask("SELECT * FROM recognizer_modelversion")) == 1 + runs


def test_a_run_requested_while_the_broker_is_away_is_taken_up_once_it_is_back(
    make_site: Callable[..., Site], tmp_path: Path
) -> None:
    whole = make_site()
    there = whole.environment["CELERY_BROKER_URL"]
    whole.environment["CELERY_BROKER_URL"] = "redis://127.0.0.1:1/0"
    assert "queued" in whole.manage("retrain")
    whole.environment["CELERY_BROKER_URL"] = there
    whole.start_worker()
    assert whole.until_ended() == "promoted"


def test_what_is_erased_during_a_run_does_not_stop_it(make_site: Callable[..., Site]) -> None:
    whole = make_site()
    whole.start_worker()
    whole.manage("retrain")
    whole.until(lambda: whole.state() == "running")
    erase = "from recognizer.predictions import *; erase_predictions(Prediction.objects.all())"
    whole.manage("shell", "-c", erase)
    assert whole.until_ended() == "promoted"
    assert whole.ask("SELECT * FROM training_trainingrun_corrections") == []


def test_a_version_is_promoted_while_requests_fly_and_none_is_dropped(
    make_site: Callable[..., Site], mnist_pictures: dict[int, bytes]
) -> None:
    whole = make_site()
    whole.start_worker()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    web = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "gunicorn",
            "digitsite.wsgi",
            "--config",
            "digitsite/gunicorn.py",
            "--bind",
            f"127.0.0.1:{port}",
            "--threads",
            "4",
        ],
        cwd=site.BASE_DIR,
        env=whole.environment | {"DJANGO_SETTINGS_MODULE": "digitsite.settings"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _fly(whole, port, mnist_pictures)
    finally:
        web.terminate()
        web.wait(30)


def _fly(whole: Site, port: int, pictures: dict[int, bytes]) -> None:
    address = f"http://127.0.0.1:{port}"

    def ready() -> bool:
        try:
            return bool(urllib.request.urlopen(f"{address}/readyz", timeout=5).status == 200)
        except OSError:
            return False

    whole.until(ready)
    boundary = "boundary"
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'.encode()
    body = head + pictures[3] + f"\r\n--{boundary}--\r\n".encode()
    seen: list[tuple[float, str]] = []
    failures: list[str] = []

    def send(count: int) -> None:
        for _ in range(count):
            request = urllib.request.Request(
                f"{address}/api/v1/predictions/preview/",
                body,
                {"Content-Type": f"multipart/form-data; boundary={boundary}"},
            )
            began = time.time()
            try:
                with urllib.request.urlopen(request, timeout=30) as response:
                    seen.append((began, json.load(response)["model_version"]))
            except Exception as error:
                failures.append(repr(error))

    whole.manage("retrain")
    threads = [threading.Thread(target=send, args=(250,)) for _ in range(4)]
    while any(thread.is_alive() for thread in threads) or not threads[0].ident:
        if not threads[0].ident:
            for thread in threads:
                thread.start()
        time.sleep(0.2)
    assert failures == []
    assert len(seen) == 1000
    assert whole.until_ended() == "promoted"
    ((name, promoted_at),) = whole.ask(
        "SELECT v.name, strftime('%s', p.promoted_at) + 0 FROM recognizer_promotion p"
        " JOIN recognizer_modelversion v ON v.id = p.version_id ORDER BY p.id DESC LIMIT 1"
    )
    time.sleep(2)
    send(1)
    assert seen[-1][1] == name
    late = [version for began, version in seen if began > promoted_at + 3 and version != name]
    assert late == [], "the old version was served for more than two seconds after the promotion's second"
