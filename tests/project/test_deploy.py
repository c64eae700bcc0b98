"""The files of deploy/ are valid, use existing settings, and pass the site's checks."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import redis
import yaml
from django.conf import settings as site

from benchmarks.processes import free_port, spawn, wait_until
from tests.digitsite.test_settings import run
from tests.servers import answers
from tests.system.hostile.test_memory import PEAK

ROOT = Path(site.BASE_DIR)
DEPLOY = ROOT / "deploy"
COMPOSE = DEPLOY / "compose.yaml"
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
BIN = Path(sys.executable).parent
SECRETS = {
    "SECRET_KEY": "".join(map(chr, range(48, 123))),
    "POSTGRES_PASSWORD": "word",
    "S3_PASSWORD": "word",
    "REDIS_PASSWORD": "word",
    "ALLOWED_HOSTS": "localhost",
    "HTTPS": "on",
}


def site_of_compose() -> dict[str, str]:
    """Return the environment that compose gives the site, with the secrets filled in."""
    environment: dict[str, str] = yaml.safe_load(COMPOSE.read_text())["x-site"]["environment"]
    return {name: filled_in(value) for name, value in environment.items()}


def redis_command(folder: Path) -> list[str]:
    """Return the command of compose's Redis, with its configuration written into a folder."""
    compose = yaml.safe_load(COMPOSE.read_text())
    words: list[str] = compose["services"]["redis"]["command"]
    config = folder / "redis.conf"
    config.write_text(filled_in(compose["configs"]["redis"]["content"]))
    return [str(config) if word == "/etc/redis.conf" else word for word in words]


def filled_in(text: str) -> str:
    return re.sub(r"\$\{(\w+)[^}]*\}", lambda match: SECRETS[match[1]], text)


def documented() -> set[str]:
    return set(re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "docs" / "settings.md").read_text(), re.MULTILINE))


def resources() -> Iterator[dict[str, Any]]:
    for path in MANIFESTS:
        yield from yaml.safe_load_all(path.read_text())


def pods() -> Iterator[tuple[str, dict[str, Any]]]:
    for resource in resources():
        if resource["kind"] in ("Deployment", "Job"):
            yield resource["metadata"]["name"], resource["spec"]["template"]["spec"]


def test_compose_file_matches_its_schema() -> None:
    done = subprocess.run(
        [BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", COMPOSE], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_kubernetes_manifests_match_their_schemas(path: Path) -> None:
    done = subprocess.run([BIN / "kubernetes-validate", "--strict", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_site_of_compose_passes_its_own_checks() -> None:
    done = run("manage.py", "check", "--deploy", "--fail-level", "WARNING", **site_of_compose())
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("missing", ["DATABASE_URL", "CACHE_URL", "CELERY_BROKER_URL", "STORAGE_URL"])
def test_compose_site_without_shared_services_does_not_start(missing: str) -> None:
    environment = site_of_compose()
    del environment[missing]
    done = run("manage.py", "check", **environment)
    assert done.returncode != 0
    assert "on several hosts" in done.stderr


def test_compose_publishes_only_the_proxys_port() -> None:
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    assert [name for name, service in services.items() if "ports" in service] == ["nginx"]
    near_the_proxy = {name for name, service in services.items() if "inside" in service["networks"]}
    assert near_the_proxy == {"nginx", "web", "worker", "migrate"}


def test_compose_redis_needs_the_password_in_its_urls() -> None:
    named = site_of_compose()
    assert named["CACHE_URL"] == "redis://:word@redis:6379/0"
    assert named["CELERY_BROKER_URL"] == "redis://:word@redis:6379/1"
    documented = (ROOT / "docs" / "operations.md").read_text()
    assert "redis://…" not in documented, "an address of Redis without its password"


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="Redis is not on this machine")
def test_redis_of_compose_requires_the_password(tmp_path: Path) -> None:
    port = free_port()
    process = spawn([*redis_command(tmp_path), "--port", str(port)], os.environ, tmp_path / "log", cwd=tmp_path)
    try:
        wait_until(lambda: answers("127.0.0.1", port), 60, lambda: (tmp_path / "log").read_text())
        with closing(redis.Redis(port=port)) as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()
        with closing(redis.Redis(port=port, password=SECRETS["REDIS_PASSWORD"])) as friend:
            assert friend.ping()
            assert friend.config_get("appendonly") == {"appendonly": "yes"}
    finally:
        process.kill()
        process.wait()


def test_deployment_files_use_only_known_settings() -> None:
    named = set(site_of_compose())
    for resource in resources():
        named |= set(resource.get("data", {}))
    assert named <= documented()


def test_containers_run_as_nobody_and_web_lacks_tensorflow() -> None:
    stages = re.split(r"^FROM ", (DEPLOY / "Dockerfile").read_text(), flags=re.MULTILINE)[1:]
    by_name = {match[1]: stage for stage in stages if (match := re.match(r"\S+ AS (\S+)\n", stage))}
    assert "USER 10001" in by_name["project"]
    for target in ("web", "worker"):
        assert by_name[target].startswith("project AS")
        assert "USER" not in by_name[target]
    assert "HEALTHCHECK" in by_name["web"]
    assert "--from=serving-libraries" in by_name["web"]
    assert "requirements.txt" not in by_name["serving-libraries"]


def test_container_images_have_every_package_and_no_secret() -> None:
    let_in = set(re.findall(r"^!(\S+)$", (DEPLOY / "Dockerfile.dockerignore").read_text(), re.MULTILINE))
    rooms = {app.partition(".")[0] for app in site.INSTALLED_APPS} & {path.name for path in ROOT.iterdir()}
    assert rooms | {"digitsite", "static", "templates", "manage.py"} <= let_in
    assert not [name for name in let_in if name.startswith((".", "media", "db"))]


def test_every_pod_is_restricted_and_writes_only_to_tmp() -> None:
    assert {name for name, _ in pods()} == {"migrate", "web", "reader", "learner"}
    for name, spec in pods():
        (container,) = spec["containers"]
        assert spec["securityContext"]["runAsNonRoot"], name
        assert container["securityContext"]["readOnlyRootFilesystem"], name
        assert container["resources"]["limits"]["memory"], name
        assert [mount["mountPath"] for mount in container["volumeMounts"]] == ["/tmp"], name  # noqa: S108


def test_memory_limits_agree_and_fit_a_process() -> None:
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    of_compose = {name: services[name]["deploy"]["resources"]["limits"]["memory"] for name in ("web", "worker")}
    of_pods = {name: spec["containers"][0]["resources"]["limits"]["memory"] for name, spec in pods()}
    assert of_compose["web"] == of_pods["web"].removesuffix("i") == "768M"
    assert of_compose["worker"] == of_pods["learner"].removesuffix("i") == "4G"
    # A web process and gunicorn's master beside it.
    assert PEAK + 100 <= 768
    # A tmpfs would count as memory too, and batches of a gigabyte come in there.
    assert services["web"]["tmpfs"] == []


def test_every_deployment_has_a_worker_for_every_queue() -> None:
    queues = {"training", "batches"}
    commands = [shlex.split(line) for line in (ROOT / "Procfile").read_text().splitlines()]
    commands.append(re.findall(r'"([^"]*)"', (DEPLOY / "Dockerfile").read_text().rpartition("CMD ")[2]))
    commands.append(shlex.split((DEPLOY / "systemd" / "digits-worker.service").read_text()))
    for command in commands:
        if "--queues" in command:
            assert set(command[command.index("--queues") + 1].split(",")) == queues
    told = [spec["containers"][0].get("args", []) for _, spec in pods()]
    assert {args[args.index("--queues") + 1] for args in told if args} == queues


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not on this machine")
def test_nginx_accepts_its_configuration(tmp_path: Path) -> None:
    # Names are resolved at start, and many versions of nginx lack `resolve`.
    content = (DEPLOY / "nginx.conf").read_text().replace("web:8000 resolve", "127.0.0.1:8000")
    (tmp_path / "nginx.conf").write_text(content)
    done = subprocess.run(
        ["nginx", "-t", "-p", tmp_path, "-c", tmp_path / "nginx.conf"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not on this machine")
@pytest.mark.parametrize("unit", sorted((DEPLOY / "systemd").iterdir()), ids=lambda unit: unit.name)
def test_systemd_accepts_its_units(unit: Path, tmp_path: Path) -> None:
    here = tmp_path / unit.name
    here.write_text(unit.read_text().replace("/srv/digits/.venv/bin/python", sys.executable))
    done = subprocess.run(["systemd-analyze", "verify", here], capture_output=True, text=True, env=os.environ)
    assert (done.returncode, done.stderr) == (0, "")
