import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site
from django.test import Client

from digitsite.settings import kept_secret_key

ROOT = Path(site.BASE_DIR)


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the project with nothing in its environment but what is given."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONDONTWRITEBYTECODE") if name in os.environ}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=kept | {"SECRET_KEY": "x" * 60, "PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def settings_with(*names: str, **environment: str) -> list[Any]:
    """Return settings as a fresh process reads them from an environment."""
    code = f"import json, digitsite.settings as s; print(json.dumps([getattr(s, n) for n in {names}], default=str))"
    done = run("-c", code, **environment)
    assert done.returncode == 0, done.stderr
    answer: list[Any] = json.loads(done.stdout)
    return answer


SECURE = (
    "SECURE_SSL_REDIRECT",
    "SESSION_COOKIE_SECURE",
    "CSRF_COOKIE_SECURE",
    "SECURE_HSTS_SECONDS",
)


def test_https_settings_are_on_by_default() -> None:
    debug, *secure = settings_with("DEBUG", *SECURE)
    assert debug is False
    assert all(secure)


@pytest.mark.parametrize("environment", [{"HTTPS": "off"}, {"DEBUG": "on"}])
def test_https_off_allows_plain_http(environment: dict[str, str]) -> None:
    assert not any(settings_with(*SECURE, **environment))


@pytest.mark.parametrize("name", ["DEBUG", "HTTPS", "API_THROTTLE", "TRUST_PROXY", "SEVERAL_HOSTS"])
def test_switch_other_than_on_or_off_is_refused_at_start(name: str) -> None:
    done = run("-c", "import digitsite.settings", **{name: "onn"})
    assert done.returncode != 0
    assert f"{name} is 'onn'. Set it to on or off." in done.stderr


def test_limits_can_be_lifted() -> None:
    (framework,) = settings_with("REST_FRAMEWORK", API_THROTTLE="off")
    assert framework["DEFAULT_THROTTLE_CLASSES"] == []


def test_database_url_configures_the_database() -> None:
    address = "postgres://anna:word@db.example:5433/digits"
    (databases,) = settings_with("DATABASES", DATABASE_URL=address)
    found = databases["default"]
    assert found["ENGINE"] == "digitsite.postgres"
    assert (found["HOST"], found["PORT"], found["NAME"]) == ("db.example", 5433, "digits")


def test_default_settings_need_no_other_server() -> None:
    names = ("DATABASES", "CACHES", "STORAGES", "SEVERAL_HOSTS", "TRUSTED_PROXIES")
    databases, caches, storages, several, proxies = settings_with(*names)
    assert databases["default"]["ENGINE"] == "django.db.backends.sqlite3"
    assert caches["default"] == {"BACKEND": "core.file_cache.SharedFile", "LOCATION": ""}
    assert storages["default"]["BACKEND"] == "core.storage.durable.DurableStorage"
    assert (several, proxies) == (False, [])


def test_postgresql_is_reached_through_a_pool() -> None:
    address = "postgres://anna:word@db.example/digits?sslmode=require&tcp_user_timeout=9000"
    (databases,) = settings_with("DATABASES", DATABASE_URL=address, DATABASE_POOL="5")
    options = databases["default"]["OPTIONS"]
    assert (options["sslmode"], options["pool"]["max_size"]) == ("require", 5)
    assert options["options"].startswith("-c lock_timeout=20s ")
    assert (options["tcp_user_timeout"], options["keepalives_idle"]) == (9000, 2), "the address has the last word"
    # Django refuses a pool together with persistent connections.
    assert not databases["default"].get("CONN_MAX_AGE")


def test_redis_timeout_is_short_and_sessions_are_stored() -> None:
    caches, engine = settings_with("CACHES", "SESSION_ENGINE", CACHE_URL="redis://:word@cache.example:6379/0")
    assert caches["default"]["OPTIONS"]["socket_timeout"] < 1
    assert engine == "digitsite.sessions"


@pytest.mark.parametrize("address", ["filecache:///srv/limits", "filecache:///srv/limits?max_entries=5000"])
def test_processes_of_one_machine_count_in_a_folder(address: str) -> None:
    (caches,) = settings_with("CACHES", CACHE_URL=address)
    assert caches["default"] == {"BACKEND": "core.file_cache.SharedFile", "LOCATION": "/srv/limits"}


@pytest.mark.parametrize("address", ["pymemcache://127.0.0.1:11211", "filecache://limits", "dummycache://", "/srv"])
def test_cache_that_cannot_count_calls_is_refused_at_start(address: str) -> None:
    done = run("-c", "import digitsite.settings", CACHE_URL=address)
    assert done.returncode != 0
    assert "CACHE_URL is neither" in done.stderr


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("s3:///pictures", {"bucket_name": "pictures", "endpoint_url": None, "access_key": None}),
        ("s3://k:a%2Fb@s3.example:9000/pictures", {"endpoint_url": "https://s3.example:9000", "secret_key": "a/b"}),
        ("s3://k:s@s3.example/pictures?tls=off&region=eu-1", {"endpoint_url": "http://s3.example"}),
    ],
)
def test_storage_url_configures_the_bucket(address: str, expected: dict[str, Any]) -> None:
    (storages,) = settings_with("STORAGES", STORAGE_URL=address)
    assert storages["default"]["BACKEND"] == "core.storage.s3.Bucket"
    assert storages["default"]["OPTIONS"].items() >= expected.items()


@pytest.mark.parametrize("address", ["s3://host", "s3://host/a/b", "gs://host/a", "/srv/media", "s3:///a?acl=public"])
def test_invalid_storage_url_stops_the_site(address: str) -> None:
    done = run("-c", "import digitsite.settings", STORAGE_URL=address)
    assert done.returncode != 0
    assert "STORAGE_URL is not of the form" in done.stderr


def test_invalid_trusted_proxy_is_refused_at_start() -> None:
    done = run("-c", "import digitsite.settings", TRUSTED_PROXIES="10.0.0.0/8,nginx")
    assert done.returncode != 0
    assert "nginx" in done.stderr


def test_secret_key_comes_from_the_environment() -> None:
    assert settings_with("SECRET_KEY", SECRET_KEY="from outside") == ["from outside"]


def test_secret_key_fallbacks_come_from_the_environment() -> None:
    assert settings_with("SECRET_KEY_FALLBACKS", SECRET_KEY_FALLBACKS="one,another") == [["one", "another"]]
    assert settings_with("SECRET_KEY_FALLBACKS") == [[]]


def test_secret_key_is_created_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / ".secret_key"
    key = kept_secret_key(path)
    assert len(key) >= 50
    assert kept_secret_key(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == [".secret_key"]


def test_processes_that_start_together_agree_on_the_key(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from digitsite.settings import kept_secret_key
print(kept_secret_key(Path(sys.argv[1])))
"""
    starts = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "key")],
            cwd=ROOT,
            env=os.environ | {"SECRET_KEY": "x"},
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    assert len({process.communicate(timeout=60)[0] for process in starts}) == 1


def test_the_secret_key_is_never_committed() -> None:
    done = subprocess.run(["git", "check-ignore", "-q", ".secret_key"], cwd=ROOT)
    assert done.returncode == 0


def test_sqlite_keeps_acknowledged_rows(tmp_path: Path) -> None:
    code = """
import django; django.setup()
from django.db import connection
cursor = connection.cursor()
names = ("journal_mode", "synchronous", "foreign_keys")
print([cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in names], connection.transaction_mode)
from digitsite import sqlite
print(sqlite.journal_mode(sqlite.library()).lower())
"""
    done = run(
        "-c",
        code,
        DJANGO_SETTINGS_MODULE="digitsite.settings",
        DATABASE_URL=f"sqlite:///{tmp_path / 'db.sqlite3'}",
    )
    found, journal = done.stdout.splitlines()
    assert found == f"['{journal}', 2, 1] IMMEDIATE", done.stderr


def test_deployment_check_has_no_warnings() -> None:
    done = run("manage.py", "check", "--deploy", "--fail-level", "WARNING", SECRET_KEY=os.urandom(40).hex())
    assert done.returncode == 0, done.stderr


def test_content_security_policy_allows_no_inline_code() -> None:
    policy = site.CONTENT_SECURITY_POLICY["DIRECTIVES"]
    sources = {source for directive in policy.values() for source in directive}
    assert sources == {"'none'", "'self'", "data:", "blob:"}
    assert policy["default-src"] == ["'none'"]
    assert policy["script-src"] == policy["style-src"] == ["'self'"]


@pytest.mark.django_db
def test_every_answer_has_security_headers(client: Client) -> None:
    for path in ("/api/v1/models/", "/api/nowhere", "/admin/login/"):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"


@pytest.mark.django_db
def test_form_without_csrf_token_explains_what_to_do() -> None:
    response = Client(enforce_csrf_checks=True).post("/accounts/login/", {"login": "ada"})
    assert response.status_code == 403
    assert "The form expired" in response.content.decode()
    answer = Client(enforce_csrf_checks=True).post("/api/v1/nowhere/")
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/json")


@pytest.mark.django_db
def test_unknown_host_is_refused(client: Client) -> None:
    response = client.get("/api/v1/models/", headers={"Host": "evil.example"})
    assert response.status_code == 400
    assert response.json()["code"] == "bad_request"


def test_settings_page_lists_every_variable_and_no_other() -> None:
    read = set(
        re.findall(r'(?:env\.\w+|switch|choice)\(\s*"([A-Z_]+)"', (ROOT / "digitsite" / "settings.py").read_text())
    )
    assert "SECRET_KEY" in read
    table = set(re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "docs" / "settings.md").read_text(), re.MULTILINE))
    assert table >= read
    assert table - read <= {"HOST", "PORT"}, "listed, but nothing reads them"


def test_mail_is_sent_by_the_server_of_the_address() -> None:
    names = ("EMAIL_HOST", "EMAIL_PORT", "EMAIL_HOST_USER", "EMAIL_HOST_PASSWORD", "EMAIL_USE_TLS", "EMAIL_TIMEOUT")
    found = settings_with(*names, EMAIL_URL="smtp+tls://anna:w%40rd@mail.example:2525")
    assert found == ["mail.example", 2525, "anna", "w@rd", True, 10]


@pytest.mark.parametrize("address", ["mail.example", "http://mail.example", "smtp://", "smtp+tls://mail.example/x"])
def test_invalid_mail_server_stops_the_site(address: str) -> None:
    done = run("-c", "import digitsite.settings", EMAIL_URL=address)
    assert done.returncode != 0
    assert "EMAIL_URL is neither" in done.stderr


def test_unknown_choice_in_a_setting_stops_the_site() -> None:
    done = run("-c", "import digitsite.settings", SIGN_UP="maybe")
    assert "SIGN_UP is 'maybe'. Set it to open or closed." in done.stderr
