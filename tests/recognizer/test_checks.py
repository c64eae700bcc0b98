import json
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site
from django.core.checks import CheckMessage, run_checks

from recognizer import checks


def ids(messages: list[CheckMessage]) -> list[str | None]:
    return [message.id for message in messages]


def test_project_passes_its_system_checks() -> None:
    assert run_checks() == []


@pytest.mark.parametrize("runtime", ["litert", "keras"])
def test_known_runtimes_pass_the_check(settings: Any, runtime: str) -> None:
    settings.RECOGNIZER_RUNTIME = runtime
    assert checks.check_runtime() == []


def test_keras_on_a_host_without_it_is_a_mistake(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.RECOGNIZER_RUNTIME = "keras"
    monkeypatch.setattr(checks, "find_spec", lambda name: None)
    assert ids(checks.check_runtime()) == ["recognizer.E004"]


@pytest.fixture
def several_hosts(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Settings of a site on several hosts that share all they must."""
    settings.SEVERAL_HOSTS = True
    settings.DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql"}}
    settings.STORAGES = site.STORAGES | {"default": {"BACKEND": checks.BUCKET}}
    settings.CACHES = {"default": {"BACKEND": checks.REDIS}}
    settings.CELERY_BROKER_URL = "amqp://guest:guest@queue.example:5672//"
    monkeypatch.setenv("SECRET_KEY", "the same on all")
    monkeypatch.delenv("MEDIA_ROOT", raising=False)
    return settings


# The tests here query no database, so replacing the setting is safe.
pytest_databases = pytest.mark.filterwarnings("ignore:Overriding setting DATABASES")


@pytest_databases
def test_hosts_sharing_everything_pass_the_check(several_hosts: Any) -> None:
    assert checks.check_hosts_share_all() == []
    assert checks.check_one_place_for_files() == []


@pytest_databases
@pytest.mark.parametrize(
    ("number", "name", "value"),
    [
        ("E010", "DATABASES", {"default": {"ENGINE": checks.SQLITE}}),
        ("E011", "STORAGES", {"default": {"BACKEND": "core.storage.durable.DurableStorage"}}),
        ("E012", "CACHES", {"default": {"BACKEND": "core.file_cache.SharedFile", "LOCATION": "/var/lib/digits"}}),
        ("E013", "CELERY_BROKER_URL", "filesystem://localhost"),
    ],
)
def test_check_names_settings_that_hosts_do_not_share(several_hosts: Any, number: str, name: str, value: Any) -> None:
    setattr(several_hosts, name, value)
    assert ids(checks.check_hosts_share_all()) == [f"recognizer.{number}"]
    several_hosts.SEVERAL_HOSTS = False
    assert checks.check_hosts_share_all() == []


@pytest_databases
def test_hosts_without_a_shared_secret_key_fail_the_check(several_hosts: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SECRET_KEY")
    assert ids(checks.check_hosts_share_all()) == ["recognizer.E014"]


@pytest_databases
def test_media_root_with_storage_url_fails_the_check(several_hosts: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIA_ROOT", "/srv/media")
    assert ids(checks.check_one_place_for_files()) == ["recognizer.E015"]


def test_processes_counting_limits_apart_fail_the_check(settings: Any) -> None:
    assert checks.check_processes_count_together() == []
    settings.WEB_CONCURRENCY = 2
    assert ids(checks.check_processes_count_together()) == ["recognizer.E018"]
    settings.CACHES = {"default": {"BACKEND": "core.file_cache.SharedFile", "LOCATION": "/var/lib/digits"}}
    assert checks.check_processes_count_together() == []


def test_trust_proxy_with_a_list_of_proxies_is_an_error(settings: Any) -> None:
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/8")]
    assert checks.check_proxies() == []
    settings.TRUST_PROXY = True
    assert ids(checks.check_proxies()) == ["recognizer.E016"]


def test_unknown_runtime_fails_the_check(settings: Any) -> None:
    settings.RECOGNIZER_RUNTIME = "torch"
    (message,) = checks.check_runtime()
    assert message.id == "recognizer.E001"
    assert "litert, keras" in str(message.hint)


@pytest.mark.parametrize("place", ["STATIC_ROOT", "STATICFILES_DIRS"])
def test_media_inside_static_files_fails_the_check(settings: Any, tmp_path: Path, place: str) -> None:
    setattr(settings, place, tmp_path if place == "STATIC_ROOT" else [tmp_path])
    settings.MEDIA_ROOT = tmp_path / "media"
    assert ids(checks.check_media_is_private()) == ["recognizer.E002"]


def test_media_outside_static_files_passes_the_check(settings: Any, tmp_path: Path) -> None:
    settings.STATIC_ROOT, settings.MEDIA_ROOT = tmp_path / "static", tmp_path / "static-media"
    assert checks.check_media_is_private() == []


@pytest.fixture
def shipped(settings: Any, tmp_path: Path) -> Path:
    folder = tmp_path / "shipped"
    folder.mkdir()
    for name in checks.NETWORKS:
        (folder / name).write_bytes(b"network")
    (folder / "mistakes.png").write_bytes(b"strip")
    recorded = {"sha256": checks.sha256(b"network").hexdigest()}
    card = {"files": dict.fromkeys(checks.NETWORKS, recorded)}
    (folder / "card.json").write_text(json.dumps(card))
    settings.SHIPPED_VERSION = folder
    return folder


def test_complete_shipped_version_passes_the_check(shipped: Path) -> None:
    assert checks.check_shipped_version() == []


def test_shipped_version_lacking_a_file_is_an_error(shipped: Path) -> None:
    (shipped / "digits.tflite").unlink()
    (message,) = checks.check_shipped_version()
    assert message.id == "recognizer.W001"
    assert "digits.tflite" in message.msg


def test_damaged_shipped_version_fails_the_check(shipped: Path) -> None:
    (shipped / "digits.keras").write_bytes(b"net")
    (message,) = checks.check_shipped_version()
    assert message.id == "recognizer.E003"
    assert "digits.keras" in message.msg


def test_deployment_check_reports_lifted_limits(settings: Any) -> None:
    assert checks.check_limits_are_on() == []
    settings.REST_FRAMEWORK = site.REST_FRAMEWORK | {"DEFAULT_THROTTLE_CLASSES": []}
    assert ids(checks.check_limits_are_on()) == ["recognizer.W002"]


def test_every_check_is_registered() -> None:
    from django.core.checks.registry import registry

    registered: set[Callable[..., Any]] = {
        *registry.registered_checks,
        *registry.deployment_checks,
    }
    written = {value for name, value in vars(checks).items() if name.startswith("check_")}
    assert len(written) == 8
    assert written <= registered
