"""Behind the proxy of deploy/nginx.conf, a stalling address does not delay another."""

import re
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from benchmarks.load import multipart
from benchmarks.processes import ROOT, answers, free_port, running
from tests.sites import Site, call, install

from .stalling import (
    ATTACKER,
    ATTACKS,
    HONEST,
    MAX_P95,
    Attack,
    Attacker,
    call_honestly,
    head,
    silence,
    under,
)

pytestmark = [
    pytest.mark.serial,
    pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not on this machine"),
]
BATCHES = "/api/v1/batches/"
SILENT = 2300
LARGE = 9_800_000


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    variables = {"WEB_CONCURRENCY": "2", "TRUSTED_PROXIES": "127.0.0.1"}
    site = Site(tmp_path_factory.mktemp("proxied"), variables=variables)
    site.manage("collectstatic", "--no-input", "--verbosity", "0")
    install(site)
    site.start()
    yield site
    site.close()


@pytest.fixture(scope="module")
def large_picture(site: Site, mnist_pictures: dict[int, bytes]) -> str:
    answer = site.post(mnist_pictures[7])
    (site.folder / "media" / site.rows()[answer.json()["id"]]).write_bytes(bytes(LARGE))
    return f"/api/v1/predictions/{answer.json()['id']}/image/"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder that nginx's worker processes can enter, also when nginx runs as root."""
    with tempfile.TemporaryDirectory(prefix="digits-nginx-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="module")
def proxy(site: Site, folder: Path) -> Iterator[int]:
    """Start nginx as deploy/nginx.conf describes it; yield its port."""
    port, path = free_port(), folder / "nginx.conf"
    content = (ROOT / "deploy" / "nginx.conf").read_text()
    content = re.sub(r"server web:8000 resolve (.*;)", rf"server 127.0.0.1:{site.port} \1", content)
    content = content.replace("listen 8080;", f"listen 127.0.0.1:{port};")
    path.write_text(content.replace("/tmp/", f"{folder}/"))  # noqa: S108
    command = ["nginx", "-e", "stderr", "-c", str(path), "-g", "daemon off;"]
    with running(command, port, "/healthz", {}, folder / "log"):
        yield port


def silence_of_many(attacker: Attacker) -> None:
    silence(attacker, SILENT)


@pytest.mark.parametrize("attack", [*ATTACKS, silence_of_many], ids=lambda attack: attack.__name__)
def test_a_stalling_address_does_not_hold_up_another(
    site: Site, proxy: int, attack: Attack, large_picture: str, mnist_pictures: dict[int, bytes]
) -> None:
    with under(attack, Attacker(proxy, token=site.token, picture=large_picture)):
        honest = call_honestly(proxy, mnist_pictures[7], HONEST)
    assert not honest.failures
    assert honest.p95 <= MAX_P95


def test_a_stranger_batch_is_refused_before_its_body_is_stored(folder: Path, proxy: int) -> None:
    attacker = Attacker(proxy)
    kind = "Content-Type: multipart/form-data; boundary=x"
    caller = attacker.open(head("POST", BATCHES, kind, "Content-Length: 1000000000") + bytes(1_000_000))
    answer = b""
    while b"}" not in answer and (piece := caller.recv(1000)):
        answer += piece
    attacker.close()
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b'"code": "not_authenticated"' in answer
    assert not [path for name in ("body", "batches") for path in (folder / name).rglob("*") if path.is_file()]


def test_proxy_check_allows_a_users_batch(site: Site, proxy: int, mnist_pictures: dict[int, bytes]) -> None:
    body, kind = multipart(mnist_pictures[7], "images", "7.png")
    headers = {"Authorization": f"Token {site.token}", "Content-Type": kind}
    assert call("127.0.0.1", proxy, "POST", BATCHES, body, headers).status == 202
    listed = call("127.0.0.1", proxy, "GET", BATCHES, headers=headers)
    assert [batch["total"] for batch in listed.json()["results"]] == [1]
    assert call("127.0.0.1", proxy, "GET", BATCHES).json()["code"] == "not_authenticated"


def test_too_many_requests_at_once_get_retry_after(proxy: int) -> None:
    attacker = Attacker(proxy, ATTACKER)
    # A few more than allowed, because nginx accepts some before it refuses one.
    attacker.open_many(110, head("POST", "/api/v1/predictions/preview/", "Content-Length: 1000") + b"half")
    refused = attacker.open(head("GET", "/healthz"))
    received = b""
    with suppress(socket.timeout):
        while b"overloaded" not in received and (piece := refused.recv(1000)):
            received += piece
    attacker.close()
    assert received.startswith(b"HTTP/1.1 503 ")
    assert b"Retry-After: 1" in received
    assert answers(proxy, "/healthz")
