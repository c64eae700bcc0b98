import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings

from benchmarks.processes import ROOT, free_port, running
from recognizer.models import ModelVersion
from recognizer.reading import Reader, load_classifier
from recognizer.serving import cache as serving
from tests.factories import enlarged
from tests.fakes import FakeCache
from tests.sites import Site, install

LARGE = 9_800_000
"""Bytes of a large picture."""

SESSION = """
import json
from django.contrib.auth.models import User
from django.test import Client
client = Client()
client.force_login(User.objects.get(username="ada"))
print(json.dumps(client.cookies["sessionid"].value))
"""

needs_nginx = pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not on this machine")


@pytest.fixture(autouse=True)
def no_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    from recognizer.api.views import PredictionViewSet

    monkeypatch.setattr(PredictionViewSet, "throttle_classes", [])


@pytest.fixture
def version(db: None) -> ModelVersion:
    """The version that `migrate` installed: no test here looks at its files."""
    version = ModelVersion.objects.serving()
    assert version is not None
    return version


@pytest.fixture(scope="session")
def shipped() -> Reader:
    return Reader(load_classifier((Path(settings.SHIPPED_VERSION) / "digits.tflite").read_bytes(), "litert"))


@pytest.fixture
def real_reader(shipped: Reader, version: ModelVersion, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process serves the network that the project ships, loaded once for all these tests."""
    monkeypatch.setattr(serving, "_cache", FakeCache(serving.ServingReader(version, shipped)))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The site with two processes, as `make run` serves it. It trusts a proxy at 127.0.0.1."""
    variables = {"WEB_CONCURRENCY": "2", "TRUSTED_PROXIES": "127.0.0.1"}
    site = Site(tmp_path_factory.mktemp("site"), variables=variables)
    site.manage("collectstatic", "--no-input", "--verbosity", "0")
    install(site)
    site.start()
    yield site
    site.close()


@pytest.fixture(scope="module")
def large_picture(site: Site, mnist_pictures: dict[int, bytes]) -> str:
    """Return the path of a picture of nearly 10 MB. An account has twenty: what was stored is replaced by zeros."""
    ids = [site.post(enlarged(mnist_pictures[7])).json()["id"] for _ in range(20)]
    for name in map(site.rows().__getitem__, ids):
        os.truncate(site.folder / "media" / name, LARGE)
    return f"/api/v1/predictions/{ids[0]}/image/"


@pytest.fixture(scope="module")
def session(site: Site) -> str:
    """Return the session of the account with large pictures."""
    return str(site.ask(SESSION))


@pytest.fixture(scope="module")
def proxy_folder() -> Iterator[Path]:
    """A folder that nginx's worker processes can enter, also when nginx runs as root."""
    with tempfile.TemporaryDirectory(prefix="digits-nginx-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="module")
def proxied(site: Site, proxy_folder: Path) -> Iterator[Site]:
    """The site behind nginx, as deploy/nginx.conf describes it."""
    port, path = free_port(), proxy_folder / "nginx.conf"
    content = (ROOT / "deploy" / "nginx.conf").read_text()
    content = re.sub(r"server web:8000 resolve (.*;)", rf"server 127.0.0.1:{site.port} \1", content)
    content = content.replace("listen 8080;", f"listen 127.0.0.1:{port};")
    path.write_text(content.replace("/tmp/", f"{proxy_folder}/"))  # noqa: S108
    command = ["nginx", "-e", "stderr", "-c", str(path), "-g", "daemon off;"]
    with running(command, port, "/healthz", {}, proxy_folder / "log"):
        yield replace(site, port=port)


@pytest.fixture(scope="module", params=["site", pytest.param("proxied", marks=needs_nginx)])
def door(request: pytest.FixtureRequest) -> Site:
    """The site, and the site behind nginx."""
    found: Site = request.getfixturevalue(request.param)
    return found
