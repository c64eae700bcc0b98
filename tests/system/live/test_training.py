"""Sites whose processes are killed at random: each run ends once, and no partial version is used."""

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path

import pytest

from benchmarks.load import multipart
from benchmarks.processes import free_port
from tests.servers import answers
from tests.sites import Site, copy_of

KILLS = int(os.environ.get("KILLS", "4"))
BROKERS = {
    "embedded": None,
    "redis": os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/9"),
    "rabbitmq": os.environ.get("TEST_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672//"),
}


def is_there(url: str) -> bool:
    host, _, port = url.rpartition("@")[2].removeprefix("redis://").partition("/")[0].partition(":")
    return answers(host, int(port))


class TrainingSite(Site):
    """A site whose trainings are rehearsals."""

    def start_trainer(self) -> None:
        self.start_worker(self.variables["REHEARSAL_QUEUE"])

    def kill_worker(self) -> None:
        """Kill only the worker; the training process must notice it."""
        (worker,) = self.workers
        worker.kill()
        worker.wait()
        self.workers.remove(worker)

    def press_retrain(self, session: str) -> int | None:
        """Press the dashboard's button; None if the web process died meanwhile."""
        token = "t" * 32
        headers = {"Cookie": f"sessionid={session}; csrftoken={token}", "X-CSRFToken": token}
        try:
            return self.call("POST", "/dashboard/retrain/", headers=headers).status
        except (OSError, HTTPException):
            return None

    def trainers(self) -> list[int]:
        (worker,) = self.workers
        found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(worker.pid)], capture_output=True, text=True).stdout
        return [int(pid) for pid in found.split()]

    def hold(self) -> None:
        """Keep rehearsals from ending."""
        (self.folder / "media" / "hold").touch()

    def let_go(self) -> None:
        (self.folder / "media" / "hold").unlink()

    def state(self) -> str:
        return str(self.query("SELECT state FROM training_trainingrun ORDER BY id DESC LIMIT 1")[0][0])

    def until_ended(self, seconds: float = 90) -> str:
        self.until(lambda: self.state() not in ("queued", "running"), seconds)
        return self.state()

    def check_versions(self) -> None:
        """Check every version against its files."""
        kinds = "keras_file, keras_sha256", "litert_file, litert_sha256"
        for kind in kinds:
            for name, recorded in self.query(f"SELECT {kind} FROM recognizer_modelversion"):  # noqa: S608
                content = (self.folder / "media" / name).read_bytes()
                assert hashlib.sha256(content).hexdigest() == recorded

    @contextmanager
    def watched_versions(self) -> Iterator[None]:
        """Check during the context that no partial version is visible."""
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


@pytest.fixture(scope="module")
def with_corrections(tmp_path_factory: pytest.TempPathFactory, mnist_pictures: dict[int, bytes]) -> Site:
    """A site on SQLite that is installed and has corrections for training, to be copied."""
    folder = tmp_path_factory.mktemp("corrections")
    site = Site(folder, f"sqlite:///{folder / 'db.sqlite3'}", {
        "DJANGO_SETTINGS_MODULE": "tests.system.live.rehearsal_settings",
        "RETRAIN_LEAST": "2",
    })  # fmt: skip
    site.manage("migrate", "--verbosity", "0")
    labelled = folder / "labelled"
    labelled.mkdir()
    for digit, content in mnist_pictures.items():
        (labelled / f"{digit}.png").write_bytes(content)
    labels = {f"{digit}.png": {"text": str(digit)} for digit in mnist_pictures}
    (labelled / "labels.json").write_text(json.dumps(labels))
    site.manage("import_corrections", str(labelled))
    return site


@pytest.fixture
def make_site(with_corrections: Site, tmp_path: Path) -> Iterator[Callable[..., TrainingSite]]:
    with copy_of(with_corrections, tmp_path, REHEARSAL_QUEUE=f"rehearsal-{uuid.uuid4().hex}") as copied:
        whole = TrainingSite(tmp_path, copied.database, copied.variables)

        def make(broker: str | None = None, pause: float = 0.02) -> TrainingSite:
            """pause: sixteen of them are a rehearsal."""
            whole.variables["REHEARSAL_PAUSE"] = str(pause)
            if broker is not None:
                whole.variables["CELERY_BROKER_URL"] = broker
            return whole

        try:
            yield make
        finally:
            whole.stop(signal.SIGKILL)
            for worker in list(whole.workers):
                whole.stop_worker(worker, signal.SIGTERM)


@pytest.mark.parametrize("broker", BROKERS)
def test_run_is_carried_out_once(make_site: Callable[..., TrainingSite], broker: str) -> None:
    url = BROKERS[broker]
    if url is not None and not is_there(url):
        if os.environ.get("CI"):
            pytest.fail(f"no {broker} answers at {url}, and CI must not skip it")
        pytest.skip(f"no {broker} answers at {url}")
    whole = make_site(url)
    whole.start_trainer()
    whole.hold()
    # Two buttons pressed at once: one run.
    told: list[str] = []
    presses = [threading.Thread(target=lambda: told.append(whole.manage("retrain", check=False))) for _ in range(2)]
    for press in presses:
        press.start()
    for press in presses:
        press.join()
    assert sorted("already active" in each for each in told) == [False, True]
    whole.let_go()
    assert whole.until_ended() == "promoted"
    assert whole.query("SELECT fence FROM training_trainingrun") == [(1,)]
    assert len(whole.query("SELECT * FROM recognizer_promotion")) == 2
    whole.hold()
    whole.manage("retrain")
    whole.until(lambda: whole.state() == "running")
    cancelled = whole.manage("retrain", "--cancel")
    assert "cancelled" in cancelled
    whole.until(lambda: not whole.trainers(), 5)
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


def test_runs_survive_the_death_of_worker_and_training_process(make_site: Callable[..., TrainingSite]) -> None:
    chance = random.Random(KILLS)
    whole = make_site(pause=0.25)
    whole.start_trainer()
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
                whole.start_trainer()
            else:
                for pid in whole.trainers():
                    os.kill(pid, signal.SIGKILL)
        assert whole.until_ended() == "promoted"
        whole.check_versions()
    states = [state for (state,) in whole.query("SELECT state FROM training_trainingrun")]
    assert states == ["promoted"] * runs
    # The shipped version's promotion, and one of each run.
    assert len(whole.query("SELECT * FROM recognizer_promotion")) == 1 + runs
    assert len(whole.query("SELECT * FROM recognizer_modelversion")) == 1 + runs


def test_web_process_death_neither_loses_nor_repeats_a_run(make_site: Callable[..., TrainingSite]) -> None:
    chance = random.Random(KILLS)
    whole = make_site(pause=0.25)
    session = whole.manage("shell", "-c", SESSION).splitlines()[-1]
    whole.start_trainer()
    whole.start(wait=False)
    killed = runs = 0
    with whole.watched_versions():
        while killed < KILLS:
            whole.until(whole.is_ready)
            pressing = threading.Thread(target=whole.press_retrain, args=(session,))
            pressing.start()
            time.sleep(chance.uniform(0, 0.2))
            whole.stop(signal.SIGKILL)
            pressing.join()
            killed += 1
            whole.start(wait=False)
            runs += 1
            if len(whole.query("SELECT * FROM training_trainingrun")) < runs:
                # It died before the request arrived.
                whole.until(whole.is_ready)
                assert whole.press_retrain(session) == 302
            for _ in range(min(3, KILLS - killed)):
                time.sleep(chance.uniform(0.1, 2))
                killed += 1
                whole.stop(signal.SIGKILL)
                whole.start(wait=False)
            assert whole.until_ended() == "promoted"
        whole.until(whole.is_ready)
    states = [state for (state,) in whole.query("SELECT state FROM training_trainingrun")]
    assert states == ["promoted"] * runs
    assert len(whole.query("SELECT * FROM recognizer_promotion")) == 1 + runs
    assert len(whole.query("SELECT * FROM recognizer_modelversion")) == 1 + runs
    (newest,) = whole.query("SELECT name FROM recognizer_modelversion ORDER BY id DESC LIMIT 1")[0]
    versions = whole.call("GET", "/api/v1/models/").json()
    assert [each["name"] for each in versions if each["serving"]] == [newest]


def test_run_requested_without_broker_starts_once_it_is_back(
    make_site: Callable[..., TrainingSite], tmp_path: Path
) -> None:
    whole = make_site()
    there = whole.environment["CELERY_BROKER_URL"]
    whole.variables["CELERY_BROKER_URL"] = "redis://127.0.0.1:1/0"
    assert "queued" in whole.manage("retrain")
    whole.variables["CELERY_BROKER_URL"] = there
    whole.start_trainer()
    assert whole.until_ended() == "promoted"


def test_broker_outage_loses_no_run(make_site: Callable[..., TrainingSite], tmp_path: Path) -> None:
    if shutil.which("redis-server") is None:
        if os.environ.get("CI"):
            pytest.fail("redis-server is absent, and CI must not skip it")
        pytest.skip("redis-server is not on this machine")
    port = free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as broker:
        whole = make_site(f"redis://127.0.0.1:{port}/0")
        whole.start_trainer()
        whole.hold()
        whole.manage("retrain")
        whole.until(lambda: whole.state() == "running")
        broker.kill()
    whole.let_go()
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


def test_deletions_during_a_run_do_not_stop_it(make_site: Callable[..., TrainingSite]) -> None:
    whole = make_site()
    make = "from django.contrib.auth.models import User; User.objects.create_user('ada', password='a long pass phrase')"
    whole.manage("shell", "-c", make)
    whole.manage("import_corrections", str(whole.folder / "labelled"), "--user", "ada")
    whole.start_trainer()
    whole.hold()
    whole.manage("retrain")
    whole.until(lambda: whole.state() == "running")
    assert whole.manage("shell", "-c", ERASE).splitlines()[-1] == "302"
    whole.let_go()
    assert whole.until_ended() == "promoted"
    assert len(whole.query("SELECT * FROM training_trainingrun_corrections")) == 9
    assert whole.query("SELECT * FROM auth_user") == []
    whole.until(lambda: not list((whole.folder / "media" / "runs").rglob("*.zip")), 10)


@pytest.mark.serial
def test_promotion_under_load_drops_no_request(
    make_site: Callable[..., TrainingSite], mnist_pictures: dict[int, bytes]
) -> None:
    whole = make_site(pause=0.25)
    whole.start_trainer()
    whole.start(wait=False)
    whole.until(whole.is_ready)
    body, kind = multipart(mnist_pictures[3])
    seen: list[tuple[float, str]] = []
    failures: list[str] = []

    def send(count: int) -> None:
        for _ in range(count):
            began = time.time()
            try:
                answer = whole.call("POST", "/api/v1/predictions/preview/", body, {"Content-Type": kind})
                seen.append((began, answer.json()["model_version"]))
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
    ((name, promoted_at),) = whole.query(
        "SELECT v.name, strftime('%s', p.promoted_at) + 0 FROM recognizer_promotion p"
        " JOIN recognizer_modelversion v ON v.id = p.version_id ORDER BY p.id DESC LIMIT 1"
    )
    time.sleep(2)
    send(1)
    assert seen[-1][1] == name
    late = [version for began, version in seen if began > promoted_at + 3 and version != name]
    assert late == [], "the old version was served for more than two seconds after the promotion's second"
