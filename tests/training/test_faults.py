"""Whole sites of processes, killed at random: each run ends once, and nobody ever sees half a version."""

import hashlib
import json
import os
import random
import shutil
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
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site

from benchmarks.processes import free_port

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
        self.web: subprocess.Popen[bytes] | None = None
        self.port = free_port()
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

    def start_web(self) -> None:
        command = ["-m", "gunicorn", "digitsite.wsgi", "--config", "digitsite/gunicorn.py", "--threads", "4"]
        self.web = subprocess.Popen(
            [sys.executable, *command, "--bind", f"127.0.0.1:{self.port}"],
            cwd=site.BASE_DIR,
            env=self.environment,
            stdout=self.log,
            stderr=self.log,
            start_new_session=True,
        )

    def kill_web(self) -> None:
        assert self.web is not None
        os.killpg(self.web.pid, signal.SIGKILL)
        self.web.wait()

    def is_ready(self) -> bool:
        try:
            return bool(urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5).status == 200)
        except OSError:
            return False

    def press_retrain(self, session: str) -> int | None:
        """Press the dashboard's button; None where the web died over it."""
        token = "t" * 32
        headers = {"Cookie": f"sessionid={session}; csrftoken={token}", "X-CSRFToken": token}
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("POST", "/dashboard/retrain/", b"", headers)
            return connection.getresponse().status
        except (OSError, HTTPException):
            return None
        finally:
            connection.close()

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

    @contextmanager
    def watched_versions(self) -> Iterator[None]:
        """Look all the while whether half a version is to be seen."""
        done, seen = threading.Event(), []

        def watch() -> None:
            while not done.wait(0.1):
                try:
                    self.check_versions()
                except (AssertionError, OSError) as error:
                    seen.append(repr(error))

        watching = threading.Thread(target=watch)
        watching.start()
        try:
            yield
        finally:
            done.set()
            watching.join()
        assert seen == []

    def close(self) -> None:
        if self.web is not None and self.web.poll() is None:
            self.kill_web()
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


SESSION = """
from django.contrib.auth.models import User
from django.test import Client
root = Client()
root.force_login(User.objects.create_superuser("root"))
print(root.cookies["sessionid"].value)
"""


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


def test_the_death_of_the_web_neither_loses_nor_doubles_a_run(make_site: Callable[..., Site]) -> None:
    chance = random.Random(KILLS)
    whole = make_site()
    session = whole.manage("shell", "-c", SESSION).splitlines()[-1]
    whole.start_worker()
    whole.start_web()
    killed = runs = 0
    with whole.watched_versions():
        while killed < KILLS:
            whole.until(whole.is_ready)
            pressing = threading.Thread(target=whole.press_retrain, args=(session,))
            pressing.start()
            time.sleep(chance.uniform(0, 0.2))
            whole.kill_web()
            pressing.join()
            killed += 1
            whole.start_web()
            runs += 1
            if len(whole.ask("SELECT * FROM training_trainingrun")) < runs:
                # It died before the button was heard.
                whole.until(whole.is_ready)
                assert whole.press_retrain(session) == 302
            for _ in range(min(3, KILLS - killed)):
                time.sleep(chance.uniform(0.1, 2))
                killed += 1
                whole.kill_web()
                whole.start_web()
            assert whole.until_ended() == "promoted"
        whole.until(whole.is_ready)
    states = [state for (state,) in whole.ask("SELECT state FROM training_trainingrun")]
    assert states == ["promoted"] * runs
    assert len(whole.ask("SELECT * FROM recognizer_promotion")) == 1 + runs
    assert len(whole.ask("SELECT * FROM recognizer_modelversion")) == 1 + runs
    (newest,) = whole.ask("SELECT name FROM recognizer_modelversion ORDER BY id DESC LIMIT 1")[0]
    with urllib.request.urlopen(f"http://127.0.0.1:{whole.port}/api/v1/models/", timeout=30) as response:
        assert [each["name"] for each in json.load(response) if each["serving"]] == [newest]


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


def test_a_broker_that_goes_away_and_comes_back_loses_no_run(make_site: Callable[..., Site], tmp_path: Path) -> None:
    if shutil.which("redis-server") is None:
        if os.environ.get("CI"):
            pytest.fail("redis-server is absent, and CI must not skip it")
        pytest.skip("redis-server is not on this machine")
    port = free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as broker:
        whole = make_site(f"redis://127.0.0.1:{port}/0")
        whole.start_worker()
        whole.manage("retrain")
        whole.until(lambda: whole.state() == "running")
        broker.kill()
    assert whole.until_ended() == "promoted", "a run that has begun needs no broker"
    assert "queued" in whole.manage("retrain")
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as broker:
        try:
            assert whole.until_ended() == "promoted"
        finally:
            broker.kill()


ERASE = """
from django.contrib.auth.models import User
from django.test import Client
from recognizer.models import Correction
Correction.objects.filter(prediction__owner=None)[0].delete()
ada = Client(SERVER_NAME="localhost")
ada.force_login(User.objects.get(username="ada"))
print(ada.post("/accounts/erase/", {"password": "a long pass phrase"}).status_code)
"""


def test_a_correction_and_an_account_erased_during_a_run_do_not_stop_it(make_site: Callable[..., Site]) -> None:
    whole = make_site()
    make = "from django.contrib.auth.models import User; User.objects.create_user('ada', password='a long pass phrase')"
    whole.manage("shell", "-c", make)
    whole.manage("import_corrections", str(whole.folder / "labelled"), "--user", "ada")
    whole.start_worker()
    whole.manage("retrain")
    whole.until(lambda: whole.state() == "running")
    (whole.folder / "media" / "hold").touch()
    assert whole.manage("shell", "-c", ERASE).splitlines()[-1] == "302"
    (whole.folder / "media" / "hold").unlink()
    assert whole.until_ended() == "promoted"
    assert len(whole.ask("SELECT * FROM training_trainingrun_corrections")) == 9
    assert whole.ask("SELECT * FROM auth_user") == []
    whole.until(lambda: not list((whole.folder / "media" / "runs").rglob("*.zip")), 10)


def test_a_version_is_promoted_while_requests_fly_and_none_is_dropped(
    make_site: Callable[..., Site], mnist_pictures: dict[int, bytes]
) -> None:
    whole = make_site()
    whole.start_worker()
    whole.start_web()
    whole.until(whole.is_ready)
    boundary = "boundary"
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'.encode()
    body = head + mnist_pictures[3] + f"\r\n--{boundary}--\r\n".encode()
    seen: list[tuple[float, str]] = []
    failures: list[str] = []

    def send(count: int) -> None:
        for _ in range(count):
            request = urllib.request.Request(
                f"http://127.0.0.1:{whole.port}/api/v1/predictions/preview/",
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
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
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
