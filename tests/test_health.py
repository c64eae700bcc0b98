from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, connection
from django.test import Client

from digitsite import gunicorn
from recognizer.models import ModelVersion, Promotion
from tests.conftest import FakeReader

pytestmark = pytest.mark.django_db


def test_a_process_that_answers_lives(client: Client, no_reader: None) -> None:
    assert client.get("/healthz").status_code == 200


def test_a_site_is_ready_once_its_network_is_warm(client: Client) -> None:
    from recognizer import serving

    assert serving._cache.current is None
    response = client.get("/readyz")
    assert response.status_code == 200
    assert serving._cache.current is not None
    assert response.json()["version"] == serving._cache.current.version.name


def test_a_site_without_a_version_is_not_ready(client: Client, no_reader: None) -> None:
    response = client.get("/readyz")
    assert response.status_code == 503
    assert "no version" in response.json()["reason"]


def test_a_site_whose_networks_are_all_gone_is_not_ready(client: Client, version: ModelVersion) -> None:
    Promotion.objects.exclude(version=version).delete()
    default_storage.delete(version.litert_file.name)
    assert client.get("/readyz").status_code == 503


def test_a_site_whose_newest_network_is_gone_serves_the_one_before_and_says_so(
    client: Client, version: ModelVersion
) -> None:
    default_storage.delete(version.litert_file.name)
    answer = client.get("/readyz").json()
    assert answer["version"] != version.name
    assert answer["trouble"].startswith("the file of version test version is missing; ")


def test_a_site_whose_database_is_silent_is_not_ready(
    client: Client, reader: FakeReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(*args: Any, **options: Any) -> None:
        raise DatabaseError("the server closed the connection")

    monkeypatch.setattr(connection, "cursor", silent)
    response = client.get("/readyz")
    assert response.status_code == 503
    assert "database" in response.json()["reason"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_probes_are_answered_over_plain_http_and_never_cached(
    client: Client, reader: FakeReader, settings: Any, path: str
) -> None:
    settings.SECURE_SSL_REDIRECT = True
    response = client.get(path)
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]


def counted(client: Client, outcome: str) -> float:
    lines = client.get("/metrics").content.decode().splitlines()
    start = f'digit_readings_total{{outcome="{outcome}"}} '
    return float(next((line for line in lines if line.startswith(start)), f"{start}0").split()[-1])


def test_readings_are_counted_by_outcome_and_timed(client: Client, reader: FakeReader, picture: bytes) -> None:
    before = {outcome: counted(client, outcome) for outcome in ("read", "unsupported_type")}
    for content in (picture, picture, b"nonsense"):
        image = SimpleUploadedFile("a.png", content)
        client.post("/api/v1/predictions/preview/", {"image": image})
    assert counted(client, "read") == before["read"] + 2
    assert counted(client, "unsupported_type") == before["unsupported_type"] + 1
    assert b"digit_reading_seconds_bucket" in client.get("/metrics").content


def test_processes_that_share_a_folder_are_counted_together(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    response = client.get("/metrics")
    assert response.status_code == 200
    assert b"python_info" not in response.content


def test_what_waited_in_a_process_that_is_gone_is_counted_no_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    for name in ("gauge_livesum_7.db", "gauge_livesum_8.db", "counter_7.db"):
        (tmp_path / name).touch()
    gunicorn.child_exit(None, SimpleNamespace(pid=7))
    assert {path.name for path in tmp_path.iterdir()} == {"gauge_livesum_8.db", "counter_7.db"}
