"""Web hosts behind the proxy that die, lose the network, restart and load a new version."""

import re
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from django.conf import settings

from benchmarks.processes import ROOT

from .hosts import Host
from .load import CLIENTS, Load, under_load
from .topology import PREDICTIONS, Cluster


def stored_by(cluster: Cluster, host: Host) -> float:
    """Return how many calls a host has answered with 201."""
    told = cluster.call("GET", "/metrics", host=host).content.decode()
    found = re.search(r'^digit_responses_total\{status="201"\} (\S+)', told, re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_requests_spread_over_both_web_hosts(cluster: Cluster, mnist_pictures: dict[int, bytes]) -> None:
    before = [stored_by(cluster, host) for host in cluster.web]
    with under_load(cluster, mnist_pictures) as load:
        pass
    shares = [stored_by(cluster, host) - count for host, count in zip(cluster.web, before, strict=True)]
    assert sum(shares) == len(load.kept)
    assert min(shares) > 0.4 * len(load.kept)
    assert load.failures == []


def assert_only_in_flight(load: Load, moment: float) -> None:
    """Assert that only calls sent before a moment failed, at most one of each client."""
    assert len(load.failures) <= CLIENTS, load.failures
    assert [failure for failure in load.failures if failure.sent > moment] == []


def test_killed_web_host_loses_only_requests_in_flight(cluster: Cluster, mnist_pictures: dict[int, bytes]) -> None:
    with under_load(cluster, mnist_pictures) as load:
        cluster.web[0].kill()
        killed = time.monotonic()
        load.until_kept(150)
    assert_only_in_flight(load, killed)


def test_isolated_web_host_loses_only_requests_in_flight(cluster: Cluster, mnist_pictures: dict[int, bytes]) -> None:
    with under_load(cluster, mnist_pictures) as load, cluster.network.cut_off(cluster.web[1]):
        cut = time.monotonic()
        assert not cluster.web[1].answers
        load.until_kept(150)
    assert_only_in_flight(load, cut)


def test_web_hosts_restart_one_after_the_other_without_an_error(
    cluster: Cluster, mnist_pictures: dict[int, bytes]
) -> None:
    with under_load(cluster, mnist_pictures) as load:
        for host in cluster.web:
            host.stop()
            host.start()
            cluster.until(partial(cluster.is_ready, host), f"{host.name} does not come back")
    assert load.failures == []


NEXT_MIGRATION = """
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

class Migration(migrations.Migration):
    atomic = False
    dependencies = [("recognizer", "LAST")]
    operations = [
        migrations.AddField("prediction", "note", models.TextField(db_default="")),
        AddIndexConcurrently("prediction", models.Index(fields=["note"], name="prediction_note")),
    ]
"""


def test_migration_under_old_code_causes_no_error(
    cluster: Cluster, mnist_pictures: dict[int, bytes], tmp_path: Path
) -> None:
    checkout = tmp_path / "checkout"
    rooms = {app.partition(".")[0] for app in settings.INSTALLED_APPS} & {path.name for path in ROOT.iterdir()}
    for room in rooms | {"digitsite", "static", "templates"}:
        shutil.copytree(ROOT / room, checkout / room, ignore=shutil.ignore_patterns("__pycache__", "data"))
    shutil.copy(ROOT / "manage.py", checkout)
    migrations = checkout / "recognizer" / "migrations"
    last = max(path.stem for path in migrations.glob("0*.py"))
    (migrations / "9999_next.py").write_text(NEXT_MIGRATION.replace("LAST", last))
    with under_load(cluster, mnist_pictures) as load:
        told = cluster.workers[1].run(sys.executable, "manage.py", "migrate", checkout=checkout)
        load.until_kept(50)
    assert "Applying recognizer.9999_next... OK" in told
    assert load.failures == []


ANOTHER_VERSION = """
import hashlib, json, tempfile
from pathlib import Path
from django.conf import settings
from recognizer.serving.install import FILES, install_version
card = json.loads((settings.SHIPPED_VERSION / "card.json").read_text()) | {"name": "another"}
with tempfile.TemporaryDirectory() as name:
    for file in FILES.values():
        # Bytes after the end change the file's hash but not the network.
        content = (settings.SHIPPED_VERSION / file).read_bytes() + b"another"
        (Path(name) / file).write_bytes(content)
        card["files"].setdefault(file, {})["sha256"] = hashlib.sha256(content).hexdigest()
    (Path(name) / "card.json").write_text(json.dumps(card))
    print(json.dumps(install_version(Path(name)).name))
"""


def test_promotion_reaches_all_hosts_within_two_seconds(cluster: Cluster, mnist_pictures: dict[int, bytes]) -> None:
    name = cluster.ask(ANOTHER_VERSION)

    def first_served(host: Host) -> float:
        def is_served() -> bool:
            reading = cluster.post(mnist_pictures[7], next(cluster.tokens), f"{PREDICTIONS}preview/", host=host).json()
            return bool(reading["model_version"] == name)

        cluster.until(is_served, f"{host.name} does not serve what was promoted")
        return time.time()

    with ThreadPoolExecutor() as watchers:
        seen = [watchers.submit(first_served, host) for host in cluster.web]
        cluster.manage("promote", name)
    (promoted,) = cluster.query("SELECT extract(epoch FROM max(promoted_at)) FROM recognizer_promotion")[0]
    waits = [when.result() - float(promoted) for when in seen]
    assert all(0 < seconds < 2 for seconds in waits), waits
