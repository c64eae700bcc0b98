"""Real workers, killed without a last word: no picture is lost, and none is kept twice."""

import json
import os
import random
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from django.conf import settings as site

from benchmarks.processes import free_port
from tests.live.conftest import database_in
from tests.servers import redis_or_skip, s3_store

from .receiver import NAME, Receiver, serving

PATIENCE = 180.0
STATE = """
import json
from batches.models import Batch
batch = Batch.objects.get()
print(json.dumps([batch.state, batch.read, batch.refused]))
"""
KEPT = """
import json
from batches.models import Chunk, Item
from recognizer.models import Prediction
from django.core.files.storage import default_storage
items = Item.objects.in_order()
print(json.dumps({
    "items": [(item.number, item.name, item.prediction.text if item.prediction else item.code) for item in items],
    "predictions": Prediction.objects.count(),
    "without image": [p.pk for p in Prediction.objects.all() if not default_storage.exists(p.image.name)],
    "chunks": Chunk.objects.count(),
}))
"""

TO_TELL = """
import json
from django.contrib.auth.models import User
from batches.ending import stop_batch
from batches.models import Batch
batch = Batch.objects.create(owner=User.objects.create_user("ada"), total=1, source="api", webhook="ADDRESS")
print(json.dumps(stop_batch(batch)))
"""
TOLD = """
import json
from batches.models import Attempt, Delivery
attempts = list(Attempt.objects.values_list("status", "failure"))
print(json.dumps([[delivery.state for delivery in Delivery.objects.all()], attempts]))
"""


class Hosts:
    """A site without web, and workers that come and go."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.workers: list[subprocess.Popen[bytes]] = []
        self.killed_at_work = 0
        self.environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "tests.batches.worker_settings",
            "CELERY_BROKER_URL": f"filesystem://{folder / 'broker'}",
            "SECRET_KEY": "of this test alone, and of nothing else",
            "HTTPS": "off",
        } | environment  # fmt: skip

    def manage(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=site.BASE_DIR, env=self.environment, capture_output=True, text=True, timeout=PATIENCE,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def ask(self, code: str) -> object:
        return json.loads(self.manage("shell", "--no-imports", "-c", code).splitlines()[-1])

    def start_worker(self, loads: str = "tests.batches.deadly") -> subprocess.Popen[bytes]:
        command = ["-m", "celery", "-A", "digitsite", "worker", "--queues", "batches", "--pool", "threads"]
        quiet = ["--concurrency", "1", "--without-gossip", "--without-mingle", "--loglevel", "WARNING"]
        with (self.folder / "worker.log").open("ab") as log:
            worker = subprocess.Popen(
                [sys.executable, *command, *quiet, "--include", loads],
                cwd=site.BASE_DIR, env=self.environment, stdout=log, stderr=log,
            )  # fmt: skip
        self.workers.append(worker)
        return worker

    def kill(self, worker: subprocess.Popen[bytes]) -> None:
        worker.kill()
        worker.wait()
        self.workers.remove(worker)

    def until_done(self, chaos: float | None = None, seed: int = 7) -> list[object]:
        """Wait for the batch, restart what died, and kill a worker every now and then."""
        chance = random.Random(seed)
        until = time.monotonic() + PATIENCE
        while True:
            state = self.ask(STATE)
            assert isinstance(state, list)
            if state[0] not in ("queued", "running"):
                return state
            assert time.monotonic() < until, (state, (self.folder / "worker.log").read_text()[-3000:])
            for worker in [worker for worker in self.workers if worker.poll() is not None]:
                self.workers.remove(worker)
                self.start_worker()
            if chaos is not None:
                time.sleep(chance.uniform(0, chaos))
                self.kill(chance.choice(self.workers))
                self.killed_at_work += state[0] == "running"
                self.start_worker()
                chaos = None if chance.random() < 0.3 else chaos


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Hosts]:
    with database_in(tmp_path, free_port()) as database:
        hosts = Hosts(tmp_path, DATABASE_URL=database, MEDIA_ROOT=str(tmp_path / "media"))
        try:
            hosts.manage("migrate", "--verbosity", "0")
            yield hosts
        finally:
            for worker in list(hosts.workers):
                hosts.kill(worker)


def folder_of(tmp_path: Path, pictures: dict[int, bytes], count: int) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(count):
        (folder / f"{number:04}.png").write_bytes(pictures[number % 10])
    return folder


def assert_each_once(hosts: Hosts, count: int, refused: dict[int, str] | None = None) -> None:
    kept = hosts.ask(KEPT)
    expected = [(n + 1, f"{n:04}.png", (refused or {}).get(n, str(n % 10))) for n in range(count)]
    assert isinstance(kept, dict)
    assert [tuple(item) for item in kept["items"]] == expected
    assert kept["predictions"] == count - len(refused or {})
    assert (kept["without image"], kept["chunks"]) == ([], 0)


def test_workers_that_are_killed_lose_nothing_and_keep_nothing_twice(
    hosts: Hosts, tmp_path: Path, mnist_pictures: dict[int, bytes]
) -> None:
    folder = folder_of(tmp_path, mnist_pictures, 1000)
    for _ in range(2):
        hosts.start_worker()
    hosts.manage("batch", str(folder))
    assert hosts.until_done(chaos=3.0) == ["done", 1000, 0]
    assert hosts.killed_at_work
    assert_each_once(hosts, 1000)
    hosts.manage("sweep_media", "--minutes", "0")
    assert len(list((tmp_path / "media" / "predictions").rglob("*.png"))) == 1000


def test_a_picture_that_kills_its_reader_fails_alone(
    hosts: Hosts, tmp_path: Path, mnist_pictures: dict[int, bytes]
) -> None:
    folder = folder_of(tmp_path, mnist_pictures, 80)
    (folder / "0011.png").write_bytes(mnist_pictures[1] + b"deadly")
    hosts.start_worker()
    hosts.manage("batch", str(folder))
    assert hosts.until_done() == ["done", 79, 1]
    assert_each_once(hosts, 80, {11: "unreadable"})


def test_without_a_worker_who_waits_reads(hosts: Hosts, tmp_path: Path, mnist_pictures: dict[int, bytes]) -> None:
    folder = folder_of(tmp_path, mnist_pictures, 70)
    (folder / "0003.png").write_text("no picture")
    lines = [json.loads(line) for line in hosts.manage("batch", str(folder), "--wait").splitlines()]
    assert [line["text"] or line["reason"] for line in lines] == [
        "unsupported_type" if number == 3 else str(number % 10) for number in range(70)
    ]


def test_hosts_that_share_redis_and_a_bucket_read_a_batch_together(
    hosts: Hosts, tmp_path: Path, mnist_pictures: dict[int, bytes]
) -> None:
    with s3_store() as store:
        del hosts.environment["MEDIA_ROOT"]
        hosts.environment |= {
            "CELERY_BROKER_URL": redis_or_skip(),
            "TEST_QUEUE_PREFIX": f"test-{uuid.uuid4().hex}-",
            "STORAGE_URL": store,
        }
        # The files of the version that ships went into the folder before.
        hosts.manage("migrate", "--verbosity", "0")
        for _ in range(2):
            hosts.start_worker()
        hosts.manage("batch", str(folder_of(tmp_path, mnist_pictures, 200)))
        assert hosts.until_done() == ["done", 200, 0]
        assert_each_once(hosts, 200)


def until_told(hosts: Hosts, states: list[str], attempts: int) -> list[list[object]]:
    """Wait until a webhook has been tried so many times, and return what came of each."""
    until = time.monotonic() + PATIENCE
    while True:
        told = hosts.ask(TOLD)
        assert isinstance(told, list)
        if told[0] == states and len(told[1]) == attempts:
            return list(told[1])
        assert time.monotonic() < until, (told, (hosts.folder / "worker.log").read_text()[-3000:])
        time.sleep(0.5)


def test_a_webhook_outlives_the_worker_that_tried_it_first(hosts: Hosts, tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    hosts.environment["SSL_CERT_FILE"] = str(tmp_path / "ca.pem")
    receiver = Receiver(status=500)
    with serving(receiver, authority.issue_cert(NAME)):
        assert hosts.ask(TO_TELL.replace("ADDRESS", receiver.address))
        first = hosts.start_worker(loads="tests.batches.near")
        until_told(hosts, ["waiting"], 1)
        hosts.kill(first)
        receiver.status = 204
        hosts.start_worker(loads="tests.batches.near")
        assert until_told(hosts, ["delivered"], 2) == [[500, "It was not accepted."], [204, ""]]
    assert len(receiver.came) == 2


def test_a_worker_goes_to_no_address_on_its_own_machine(hosts: Hosts) -> None:
    assert hosts.ask(TO_TELL.replace("ADDRESS", "https://localhost:8443/"))
    hosts.start_worker()
    assert until_told(hosts, ["waiting"], 1) == [[None, "The name leads to an address that is not public."]]
