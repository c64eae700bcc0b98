"""Real workers that are killed: no picture is lost, and none is stored twice."""

import json
import random
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from benchmarks.processes import free_port
from tests.batches.receiver import NAME, Receiver, serving
from tests.factories import enlarged
from tests.servers import redis_or_skip, s3_store
from tests.sites import Site, copy_of

KEPT = """
import json
from batches.models import Chunk, Item
from recognizer.models import Prediction
from recognizer.predictions import rows_without_image
items = Item.objects.in_order()
print(json.dumps({
    "items": [(item.number, item.name, item.prediction.text if item.prediction else item.code) for item in items],
    "predictions": Prediction.objects.count(),
    "without image": [prediction.pk for prediction in rows_without_image()],
    "chunks": Chunk.objects.count(),
}))
"""

TO_TELL = """
import json
from django.contrib.auth.models import User
from batches.lifecycle import stop_batch
from batches.models import Batch
batch = Batch.objects.create(owner=User.objects.get(username="ada"), total=1, source="api", webhook="ADDRESS")
print(json.dumps(stop_batch(batch)))
"""


class Hosts(Site):
    """A site without web processes, with workers that start and stop."""

    def start_reader(self, loads: str = "tests.system.live.deadly") -> subprocess.Popen[Any]:
        return self.start_worker("batches", "--include", loads)

    def state(self) -> tuple[str, int, int]:
        ((state, read, refused),) = self.query("SELECT state, read, refused FROM batches_batch")
        return state, read, refused

    def until_done(self) -> tuple[str, int, int]:
        """Wait for the batch, and restart what dies meanwhile."""

        def is_done() -> bool:
            for worker in [worker for worker in self.workers if worker.poll() is not None]:
                self.workers.remove(worker)
                self.start_reader()
            return self.state()[0] not in ("queued", "running")

        self.until(is_done)
        return self.state()


@pytest.fixture
def hosts(template: Site, tmp_path: Path) -> Iterator[Hosts]:
    with copy_of(template, tmp_path, DJANGO_SETTINGS_MODULE="tests.system.live.worker_settings") as site:
        hosts = Hosts(tmp_path, site.database, site.variables, site.tokens)
        try:
            yield hosts
        finally:
            hosts.close()


def folder_of(tmp_path: Path, pictures: dict[int, bytes], count: int) -> Path:
    """Write digits, each fourth one so large that its image is stored as a file."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    large = {digit: enlarged(picture) for digit, picture in pictures.items()}
    for number in range(count):
        (folder / f"{number:04}.png").write_bytes((large if number % 4 == 3 else pictures)[number % 10])
    return folder


def assert_each_once(hosts: Hosts, count: int, refused: dict[int, str] | None = None) -> None:
    kept = hosts.ask(KEPT)
    expected = [(n + 1, f"{n:04}.png", (refused or {}).get(n, str(n % 10))) for n in range(count)]
    assert isinstance(kept, dict)
    assert [tuple(item) for item in kept["items"]] == expected
    assert kept["predictions"] == count - len(refused or {})
    assert (kept["without image"], kept["chunks"]) == ([], 0)


def test_killed_workers_store_each_picture_exactly_once(
    hosts: Hosts, tmp_path: Path, mnist_pictures: dict[int, bytes]
) -> None:
    folder = folder_of(tmp_path, mnist_pictures, 1000)
    chance = random.Random(7)
    for _ in range(2):
        hosts.start_reader()
    hosts.manage("batch", str(folder))
    for _ in range(3):
        read = hosts.state()[1]
        hosts.until(lambda read=read: hosts.state()[1] > read)
        # Somewhere in the chunks that both have begun since.
        time.sleep(chance.uniform(0, 0.2))
        assert hosts.state()[0] == "running", "nobody was killed at work"
        hosts.stop_worker(hosts.workers[0])
        hosts.start_reader()
    assert hosts.until_done() == ("done", 1000, 0)
    assert_each_once(hosts, 1000)
    hosts.manage("sweep_media", "--minutes", "0")
    assert sum(path.is_file() for path in (tmp_path / "media" / "predictions").rglob("*")) == 250


def test_picture_that_crashes_its_worker_fails_alone(
    hosts: Hosts, tmp_path: Path, mnist_pictures: dict[int, bytes]
) -> None:
    folder = folder_of(tmp_path, mnist_pictures, 80)
    (folder / "0011.png").write_bytes(mnist_pictures[1] + b"deadly")
    hosts.start_reader()
    hosts.manage("batch", str(folder))
    assert hosts.until_done() == ("done", 79, 1)
    assert_each_once(hosts, 80, {11: "unreadable"})


def test_worker_started_without_broker_reads(hosts: Hosts, tmp_path: Path, mnist_pictures: dict[int, bytes]) -> None:
    hosts.manage("batch", str(folder_of(tmp_path, mnist_pictures, 20)))
    hosts.variables["CELERY_BROKER_URL"] = f"redis://127.0.0.1:{free_port()}"
    hosts.start_reader()
    assert hosts.until_done() == ("done", 20, 0)


def test_waiting_command_reads_if_there_is_no_worker(
    hosts: Hosts, tmp_path: Path, mnist_pictures: dict[int, bytes]
) -> None:
    folder = folder_of(tmp_path, mnist_pictures, 70)
    (folder / "0003.png").write_text("no picture")
    lines = [json.loads(line) for line in hosts.manage("batch", str(folder), "--wait").splitlines()]
    assert [line["text"] or line["reason"] for line in lines] == [
        "unsupported_type" if number == 3 else str(number % 10) for number in range(70)
    ]


def test_hosts_sharing_redis_and_bucket_read_a_batch_together(
    hosts: Hosts, tmp_path: Path, mnist_pictures: dict[int, bytes]
) -> None:
    with s3_store() as store:
        hosts.variables |= {
            "CELERY_BROKER_URL": redis_or_skip(),
            "TEST_QUEUE_PREFIX": f"test-{uuid.uuid4().hex}-",
            "STORAGE_URL": store,
        }
        # The files of the version that ships went into the folder before.
        hosts.manage("migrate", "--verbosity", "0")
        for _ in range(2):
            hosts.start_reader()
        hosts.manage("batch", str(folder_of(tmp_path, mnist_pictures, 130)))
        assert hosts.until_done() == ("done", 130, 0)
        assert_each_once(hosts, 130)


def until_told(hosts: Hosts, state: str, attempts: int) -> list[tuple[Any, ...]]:
    """Wait until a webhook has been tried so many times, and return what came of each."""

    def is_told() -> bool:
        told = hosts.query("SELECT state FROM batches_delivery"), hosts.query("SELECT count(*) FROM batches_attempt")
        return told == ([(state,)], [(attempts,)])

    hosts.until(is_told)
    return hosts.query("SELECT status, failure FROM batches_attempt ORDER BY id")


def test_webhook_is_delivered_after_its_worker_dies(hosts: Hosts, tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    hosts.variables["SSL_CERT_FILE"] = str(tmp_path / "ca.pem")
    receiver = Receiver(status=500)
    with serving(receiver, authority.issue_cert(NAME)):
        assert hosts.ask(TO_TELL.replace("ADDRESS", receiver.address))
        first = hosts.start_reader(loads="tests.system.live.near")
        until_told(hosts, "waiting", 1)
        hosts.stop_worker(first)
        receiver.status = 204
        hosts.start_reader(loads="tests.system.live.near")
        assert until_told(hosts, "delivered", 2) == [(500, "The receiver did not accept it."), (204, "")]
    assert len(receiver.came) == 2


def test_worker_sends_no_webhook_to_its_own_machine(hosts: Hosts) -> None:
    assert hosts.ask(TO_TELL.replace("ADDRESS", "https://localhost:8443/"))
    hosts.start_reader()
    assert until_told(hosts, "waiting", 1) == [(None, "The host name resolves to an address that is not public.")]
