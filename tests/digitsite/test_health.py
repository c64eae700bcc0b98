from ipaddress import ip_network
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from digitsite import gunicorn, health
from recognizer.models import ModelVersion, Promotion
from tests.digitsite.test_faults import locked_database
from tests.fakes import FakeReader

pytestmark = pytest.mark.django_db


def test_healthz_returns_200(client: Client, no_reader: None) -> None:
    assert client.get("/healthz").status_code == 200


def test_a_site_is_ready_once_its_network_is_warm(client: Client) -> None:
    from recognizer.serving import cache as serving

    assert serving._cache.current is None
    response = client.get("/readyz")
    assert response.status_code == 200
    assert serving._cache.current is not None
    assert response.json()["version"] == serving._cache.current.version.name


def test_a_site_without_a_version_is_not_ready(client: Client, no_reader: None) -> None:
    response = client.get("/readyz")
    assert response.status_code == 503
    assert "no version" in response.json()["reason"]


def test_site_with_all_networks_missing_is_not_ready(client: Client, version: ModelVersion) -> None:
    Promotion.objects.exclude(version=version).delete()
    default_storage.delete(version.litert_file.name)
    assert client.get("/readyz").status_code == 503


def test_site_without_its_newest_network_serves_the_one_before(client: Client, version: ModelVersion) -> None:
    default_storage.delete(version.litert_file.name)
    answer = client.get("/readyz").json()
    assert answer["version"] != version.name
    assert answer["trouble"].startswith("the file of version test version is missing; ")


def test_unreachable_database_is_not_ready(client: Client, reader: FakeReader, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(*args: Any, **options: Any) -> None:
        raise DatabaseError("the server closed the connection")

    monkeypatch.setattr(connection, "cursor", silent)
    response = client.get("/readyz")
    assert response.status_code == 503
    assert "database" in response.json()["reason"]


@pytest.mark.django_db(transaction=True)
def test_read_only_database_is_not_ready(client: Client, reader: FakeReader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "PROBE_TIMEOUT", 0.05)
    with locked_database():
        answer = client.get("/readyz")
        assert (answer.status_code, answer["Retry-After"]) == (503, "5")
        assert "accepts no writes" in answer.json()["reason"]
        assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 200


def test_readiness_probe_writes_at_most_once_per_interval(client: Client, reader: FakeReader) -> None:
    client.get("/readyz")
    with CaptureQueriesContext(connection) as queries:
        assert client.get("/readyz").status_code == 200
    assert not [query for query in queries if "core_writeprobe" in query["sql"]]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_probes_are_answered_over_plain_http_and_never_cached(
    client: Client, reader: FakeReader, settings: Any, path: str
) -> None:
    settings.SECURE_SSL_REDIRECT = True
    response = client.get(path)
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]


OUTSIDE = "203.0.113.5"


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1"])
def test_metrics_answer_this_machine(client: Client, address: str) -> None:
    assert client.get("/metrics", REMOTE_ADDR=address).status_code == 200


@pytest.mark.parametrize("address", [OUTSIDE, "10.0.0.1", "2001:db8::1", "", "unix:"])
def test_metrics_refuse_all_others(client: Client, address: str) -> None:
    answer = client.get("/metrics", REMOTE_ADDR=address)
    assert answer.status_code == 403
    assert "digit_" not in answer.content.decode()


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Forwarded-Proto", "Forwarded", "Via"])
def test_untrusted_local_proxy_cannot_read_metrics(client: Client, header: str) -> None:
    assert client.get("/metrics", headers={header: "127.0.0.1"}).status_code == 403


def test_metrics_answer_allowed_networks(client: Client, settings: Any) -> None:
    settings.METRICS_ALLOWED = [ip_network("203.0.113.0/24")]
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/8")]
    assert client.get("/metrics", REMOTE_ADDR=OUTSIDE).status_code == 200
    assert client.get("/metrics", REMOTE_ADDR="10.0.0.1").status_code == 403
    assert client.get("/metrics", REMOTE_ADDR="10.0.0.1", headers={"X-Forwarded-For": OUTSIDE}).status_code == 200


@pytest.mark.parametrize(
    ("header", "status"), [("Bearer word", 200), ("Bearer wor", 403), ("word", 403), ("Bearer", 403), ("é", 403)]
)
def test_metrics_token_gives_access(client: Client, settings: Any, header: str, status: int) -> None:
    settings.METRICS_TOKEN = "word"
    assert client.get("/metrics", REMOTE_ADDR=OUTSIDE, headers={"Authorization": header}).status_code == status


def test_empty_token_opens_no_metrics(client: Client) -> None:
    for header in ("Bearer ", "Bearer"):
        assert client.get("/metrics", REMOTE_ADDR=OUTSIDE, headers={"Authorization": header}).status_code == 403


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


def test_processes_sharing_a_folder_count_together(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    response = client.get("/metrics")
    assert response.status_code == 200
    assert b"python_info" not in response.content


def test_waiting_requests_of_a_dead_process_are_not_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    for name in ("gauge_livesum_7.db", "gauge_livesum_8.db", "counter_7.db"):
        (tmp_path / name).touch()
    gunicorn.child_exit(None, SimpleNamespace(pid=7, age=1))
    assert {path.name for path in tmp_path.iterdir()} == {"gauge_livesum_8.db", "counter_7.db"}
