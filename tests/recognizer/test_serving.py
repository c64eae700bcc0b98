import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from django.conf import settings as site
from django.core.files.storage import default_storage
from django.db import OperationalError

from digitsite import gunicorn
from recognizer.exceptions import NoServingVersion
from recognizer.models import ModelVersion, Promotion
from recognizer.serving import cache as serving
from recognizer.serving import loading
from recognizer.serving.cache import serving_reader
from recognizer.serving.install import install_shipped_version, install_version
from recognizer.serving.loading import load_version

pytestmark = pytest.mark.django_db

SHIPPED = Path(site.SHIPPED_VERSION)


@pytest.fixture
def nothing_installed(media: Path) -> None:
    Promotion.objects.all().delete()
    ModelVersion.objects.all().delete()


def folder_of(path: Path, name: str, content: bytes) -> Path:
    """Write a version's folder with networks of a few bytes."""
    path.mkdir()
    files = {"digits.keras": b"keras " + content, "digits.tflite": b"litert " + content}
    for file, data in files.items():
        (path / file).write_bytes(data)
    (path / "mistakes.png").write_bytes(b"strip")
    hashes = {file: {"sha256": hashlib.sha256(data).hexdigest()} for file, data in files.items()}
    (path / "card.json").write_text(json.dumps({"name": name, "files": hashes}))
    return path


def test_migrate_alone_installs_the_shipped_version(
    mnist_pictures: dict[int, bytes],
) -> None:
    version = ModelVersion.objects.serving()
    assert version is not None
    assert version.shipped
    assert version.card == json.loads((SHIPPED / "card.json").read_text())
    reading = serving_reader().read(mnist_pictures[3])
    assert (reading.text, reading.reason) == ("3", None)


def test_a_process_loads_its_network_once(mnist_pictures: dict[int, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    loads = []
    load = loading.load_classifier
    monkeypatch.setattr(loading, "load_classifier", lambda *args: loads.append(args) or load(*args))
    readers = {id(serving_reader()) for _ in range(5)}
    assert len(readers) == len(loads) == 1


def test_a_process_asks_the_database_at_most_once_a_second(
    django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(serving.time, "monotonic", lambda: now)
    serving_reader()
    with django_assert_num_queries(0):
        serving_reader()
    now += serving.POLL_INTERVAL + 0.01
    with django_assert_num_queries(1):
        serving_reader()


def test_a_promotion_reaches_a_process_within_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr(serving.time, "monotonic", lambda: now)
    first = serving_reader().version
    twin = ModelVersion.objects.create(
        name="twin",
        litert_file=first.litert_file.name,
        litert_sha256=first.litert_sha256,
        keras_sha256="other",
    )
    twin.promote()
    assert serving_reader().version == first
    now += serving.POLL_INTERVAL + 0.01
    assert serving_reader().version == twin
    first.promote()
    now += serving.POLL_INTERVAL + 0.01
    assert serving_reader().version == first


def test_previous_version_is_used_if_the_promoted_cannot_load(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = 1000.0
    monkeypatch.setattr(serving.time, "monotonic", lambda: now)
    first = serving_reader().version
    lost = ModelVersion.objects.create(name="lost", litert_file="versions/lost/digits.tflite", litert_sha256="x")
    lost.promote()
    now += serving.POLL_INTERVAL + 0.01
    assert serving_reader().version == first
    assert "lost is missing" in caplog.text


def test_a_promoted_version_that_fails_is_tried_with_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    now, tries = 1000.0, []
    monkeypatch.setattr(serving.time, "monotonic", lambda: now)
    first = serving_reader().version
    lost = ModelVersion.objects.create(name="lost", litert_file="versions/lost/digits.tflite", litert_sha256="x")
    lost.promote()
    load = loading.load_version
    monkeypatch.setattr(serving, "load_version", lambda version: tries.append(now) or load(version))
    for _ in range(400):
        now += 0.5
        serving._cache.look()
    assert [round(after - before) for before, after in pairwise(tries)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert serving_reader().version == first
    ModelVersion.objects.filter(pk=lost.pk).update(
        litert_file=first.litert_file.name, litert_sha256=first.litert_sha256
    )
    now += 0.5
    serving._cache.look()
    assert serving_reader().version == lost, "its files are others"


def test_damaged_only_version_is_logged_and_read_once(
    version: ModelVersion, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    Promotion.objects.exclude(version=version).delete()
    monkeypatch.setattr(serving.time, "monotonic", lambda: 1000.0)
    reads: list[Any] = []
    read = loading.read_verified
    monkeypatch.setattr(loading, "read_verified", lambda *args: reads.append(args) or read(*args))
    for _ in range(5):
        with pytest.raises(NoServingVersion, match="test version does not match its SHA-256"):
            serving_reader()
    assert len(reads) == 1
    assert caplog.text.count("test version does not match its SHA-256") == 1


def test_damaged_shipped_file_is_restored(
    nothing_installed: None, media: Path, caplog: pytest.LogCaptureFixture, django_capture_on_commit_callbacks: Any
) -> None:
    install_shipped_version()
    version = ModelVersion.objects.get()
    damaged = media / version.litert_file.name
    damaged.write_bytes(damaged.read_bytes()[:1000])
    with pytest.raises(NoServingVersion):
        load_version(version)
    with django_capture_on_commit_callbacks(execute=True):
        install_shipped_version()
    mended = ModelVersion.objects.get()
    assert load_version(mended)
    assert "was damaged and is written again" in caplog.text
    assert len(list((media / "versions").rglob("*.*"))) == 3


def test_reader_without_a_version_raises(nothing_installed: None) -> None:
    with pytest.raises(NoServingVersion, match="no version of the network is installed"):
        serving_reader()


def test_missing_file_is_an_error(version: ModelVersion) -> None:
    default_storage.delete(version.litert_file.name)
    with pytest.raises(NoServingVersion, match="missing"):
        load_version(version)


def test_a_damaged_file_is_not_loaded(version: ModelVersion) -> None:
    version.litert_sha256 = hashlib.sha256(b"another").hexdigest()
    with pytest.raises(NoServingVersion, match="does not match its SHA-256"):
        load_version(version)


def test_file_that_is_not_a_network_is_an_error(version: ModelVersion) -> None:
    version.litert_sha256 = hashlib.sha256(b"litert").hexdigest()
    with pytest.raises(NoServingVersion, match="cannot be loaded"):
        load_version(version)


def test_threads_share_one_reader_and_read_the_same(mnist_pictures: dict[int, bytes]) -> None:
    reader = serving_reader()
    alone = {digit: reader.read(content) for digit, content in mnist_pictures.items()}
    wrong: list[int] = []

    def read_all() -> None:
        for digit, content in mnist_pictures.items():
            if reader.read(content).digits[0].probabilities != alone[digit].digits[0].probabilities:
                wrong.append(digit)

    threads = [threading.Thread(target=read_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_keras_runtime_reads_nearly_the_same(mnist_pictures: dict[int, bytes], settings: Any) -> None:
    litert = serving_reader()
    settings.RECOGNIZER_RUNTIME = "keras"
    keras = load_version(litert.version)
    for content in mnist_pictures.values():
        ours, theirs = litert.read(content).digits[0], keras.read(content).digits[0]
        assert ours.probabilities == pytest.approx(theirs.probabilities, abs=0.005)


def test_installed_version_has_its_own_files(nothing_installed: None, tmp_path: Path, media: Path) -> None:
    folder = folder_of(tmp_path / "made", "made", b"1")
    version = install_version(folder)
    shutil.rmtree(folder)
    assert version.name == "made"
    assert not version.shipped
    assert (media / version.keras_file.name).read_bytes() == b"keras 1"
    assert (media / version.litert_file.name).read_bytes() == b"litert 1"
    assert (media / version.mistakes.name).read_bytes() == b"strip"


def test_version_is_installed_once_and_missing_files_restored(
    nothing_installed: None, tmp_path: Path, media: Path
) -> None:
    folder = folder_of(tmp_path / "made", "made", b"1")
    first = install_version(folder)
    (media / first.litert_file.name).unlink()
    again = install_version(folder)
    assert first.pk == again.pk
    assert (media / again.litert_file.name).read_bytes() == b"litert 1"
    assert len(list((media / "versions").rglob("*.*"))) == 3


def test_other_network_with_the_same_name_is_a_new_version(
    nothing_installed: None, tmp_path: Path, media: Path
) -> None:
    first = install_version(folder_of(tmp_path / "a", "made", b"1"))
    second = install_version(folder_of(tmp_path / "b", "made", b"2"))
    assert second.name.startswith("made-")
    assert (media / first.litert_file.name).read_bytes() == b"litert 1"
    assert (media / second.litert_file.name).read_bytes() == b"litert 2"


def test_network_not_matching_its_card_is_not_installed(
    nothing_installed: None, tmp_path: Path, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.SHIPPED_VERSION = folder_of(tmp_path / "made", "made", b"1")
    (settings.SHIPPED_VERSION / "digits.tflite").write_bytes(b"cut sho")
    with pytest.raises(ValueError, match="not the file that its card describes"):
        install_version(settings.SHIPPED_VERSION)
    install_shipped_version()
    assert not ModelVersion.objects.exists()
    assert "not installed" in caplog.text


def test_newly_shipped_version_replaces_an_older_shipped_one(
    nothing_installed: None, tmp_path: Path, settings: Any
) -> None:
    for name in ("old", "new"):
        settings.SHIPPED_VERSION = folder_of(tmp_path / name, name, name.encode())
        install_shipped_version()
    serving_now = ModelVersion.objects.serving()
    assert serving_now is not None
    assert serving_now.name == "new"


def test_migrating_again_undoes_no_decision_of_an_administrator(
    nothing_installed: None, tmp_path: Path, settings: Any
) -> None:
    for name in ("old", "new"):
        settings.SHIPPED_VERSION = folder_of(tmp_path / name, name, name.encode())
        install_shipped_version()
    ModelVersion.objects.get(name="old").promote()
    install_shipped_version()
    made_here = install_version(folder_of(tmp_path / "here", "here", b"3"))
    assert str(ModelVersion.objects.serving()) == "old"
    made_here.promote()
    install_shipped_version()
    assert ModelVersion.objects.serving() == made_here


def test_migration_without_a_shipped_version_succeeds(nothing_installed: None, tmp_path: Path, settings: Any) -> None:
    settings.SHIPPED_VERSION = tmp_path / "nowhere"
    install_shipped_version()
    assert not ModelVersion.objects.exists()


READ_IN_A_WEB_PROCESS = """
import sys
from django.core.management import call_command
from digitsite.wsgi import application
call_command("migrate", verbosity=0)
call_command("check")
from django.test import Client
assert Client().get("/readyz").status_code == 200
with open(sys.argv[1], "rb") as picture:
    answer = Client().post("/api/v1/predictions/preview/", {"image": picture}, secure=True)
assert answer.json()["text"] == "5", answer.content
print(sorted({"tensorflow", "keras", "jax", "torch"} & set(sys.modules)))
"""


def test_migrate_check_and_web_import_no_training_library(tmp_path: Path, mnist_pictures: dict[int, bytes]) -> None:
    (tmp_path / "5.png").write_bytes(mnist_pictures[5])
    environment = os.environ | {
        "DATABASE_URL": f"sqlite:///{tmp_path / 'db.sqlite3'}",
        "MEDIA_ROOT": str(tmp_path / "media"),
        "SECRET_KEY": "of this test alone",
        "ALLOWED_HOSTS": "testserver",
        "RECOGNIZER_RUNTIME": "litert",
    }
    done = subprocess.run(
        [sys.executable, "-c", READ_IN_A_WEB_PROCESS, str(tmp_path / "5.png")],
        cwd=site.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("[]")


def test_process_started_without_database_sees_promotions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def away() -> None:
        raise OperationalError("the server is gone")

    watched: list[bool] = []
    monkeypatch.setattr(serving, "serving_reader", away)
    monkeypatch.setattr(serving, "watch_promotions", lambda: watched.append(True))
    monkeypatch.setattr("keys.usage.watch_usage", lambda: None)
    gunicorn._warm(MagicMock())
    assert watched


def test_views_are_imported_before_the_first_request() -> None:
    code = (
        "import sys; from unittest.mock import MagicMock, patch; from digitsite import gunicorn, wsgi\n"
        "with patch.object(gunicorn, '_warm'): gunicorn.post_worker_init(MagicMock())\n"
        "print('recognizer.api.views' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == "True"
