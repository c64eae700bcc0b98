"""Workers on separate hosts, killed during a batch or disconnected while holding locks."""

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable

from benchmarks.load import multipart
from benchmarks.processes import ROOT
from tests.factories import enlarged

from .topology import Cluster

BATCHES = "/api/v1/batches/"
KEPT = """
import json
from batches.models import Batch
from recognizer.models import Prediction
batch = Batch.objects.first()
items = batch.items.select_related("prediction").order_by("number")
print(json.dumps({
    "texts": [item.prediction.text for item in items],
    "images": sum(bool(item.prediction.open_image().read()) for item in items),
    "predictions": Prediction.objects.filter(batch=batch.pk).count(),
    "chunks": batch.chunks.count(),
}))
"""


def at_work(cluster: Cluster) -> int:
    """Count the chunks that workers hold."""
    return int(cluster.query("SELECT count(*) FROM batches_chunk WHERE lease_until > now()")[0][0])


def archive(pictures: dict[int, bytes], count: int) -> bytes:
    """Pack digits, each fourth one so large that its image goes to the bucket."""
    out = io.BytesIO()
    large = {digit: enlarged(picture) for digit, picture in pictures.items()}
    with zipfile.ZipFile(out, "w") as file:
        for number in range(count):
            file.writestr(f"{number:04}.png", (large if number % 4 == 3 else pictures)[number % 10])
    return out.getvalue()


def send_batch(cluster: Cluster, pictures: dict[int, bytes], count: int) -> Callable[[], bool]:
    """Send a batch through the proxy. Returns what tells whether it is read to its end."""
    token = next(cluster.tokens)
    form, kind = multipart(archive(pictures, count), "archive", "many.zip")
    answer = cluster.call("POST", BATCHES, form, token, Content_Type=kind)
    assert answer.status == 202, answer.content
    address = f"{BATCHES}{answer.json()['id']}/"
    return lambda: bool(cluster.call("GET", address, token=token).json()["state"] == "done")


def assert_each_kept_once(cluster: Cluster, count: int) -> None:
    kept = cluster.ask(KEPT)
    assert kept.pop("texts") == [str(number % 10) for number in range(count)]
    assert kept == {"images": count, "predictions": count, "chunks": 0}


def test_other_worker_finishes_a_killed_workers_batch_once(cluster: Cluster, mnist_pictures: dict[int, bytes]) -> None:
    is_done = send_batch(cluster, mnist_pictures, 600)
    cluster.until(lambda: at_work(cluster) == 2, "not both workers are at work")
    cluster.workers[0].kill()
    assert at_work(cluster)
    cluster.until(is_done, "the batch is not read to its end", timeout=120)
    assert_each_kept_once(cluster, 600)


def test_batch_is_accepted_and_read_without_redis(cluster: Cluster, mnist_pictures: dict[int, bytes]) -> None:
    cluster.redis.kill()
    is_done = send_batch(cluster, mnist_pictures, 100)
    cluster.until(is_done, "the batch is not read")
    assert_each_kept_once(cluster, 100)


LOCK = """
import json, time
from django.contrib.auth.models import User
from django.db import transaction
with transaction.atomic():
    User.objects.select_for_update().get(username="0")
    print(json.dumps("locked"), flush=True)
"""


def test_locks_of_an_isolated_host_are_released_soon(cluster: Cluster) -> None:
    host = cluster.workers[1]
    command = [*host.enter, sys.executable, "manage.py", "shell", "--no-imports", "-c", LOCK + "    time.sleep(600)"]
    with subprocess.Popen(command, cwd=ROOT, env=host.surroundings, stdout=subprocess.PIPE) as locking:
        try:
            assert locking.stdout
            assert json.loads(locking.stdout.readline()) == "locked"
            with cluster.network.cut_off(host):
                assert cluster.ask(LOCK) == "locked"
        finally:
            locking.kill()
