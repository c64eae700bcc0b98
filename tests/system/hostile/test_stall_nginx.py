"""Behind the proxy of deploy/nginx.conf, a stalling address does not delay another."""

import socket
from contextlib import suppress
from pathlib import Path

import pytest

from benchmarks.load import multipart
from benchmarks.processes import answers
from tests.sites import Site

from .conftest import needs_nginx
from .stalling import (
    ATTACKS,
    HONEST,
    MAX_P95,
    Attack,
    Attacker,
    call_honestly,
    half_of_large_bodies,
    head,
    silence,
    under,
)
from .test_stall import uncompressed

pytestmark = [pytest.mark.serial, needs_nginx]
BATCHES = "/api/v1/batches/"
SILENT = 2300


def silence_of_many(attacker: Attacker) -> None:
    silence(attacker, SILENT)


@pytest.mark.parametrize("attack", [*ATTACKS, silence_of_many], ids=lambda attack: attack.__name__)
def test_a_stalling_address_does_not_hold_up_another(
    proxied: Site, attack: Attack, large_picture: str, session: str, mnist_pictures: dict[int, bytes]
) -> None:
    with under(attack, Attacker(proxied.port, token=proxied.token, picture=large_picture, session=session)):
        honest = call_honestly(proxied.port, mnist_pictures[7], HONEST)
    assert not honest.failures
    assert honest.p95 <= MAX_P95


def test_a_large_upload_beside_half_sent_ones_is_stored(proxied: Site) -> None:
    with under(half_of_large_bodies, Attacker(proxied.port)):
        statuses = {proxied.post(uncompressed(1000)).status for _ in range(5)}
    assert statuses == {201}


def test_a_stranger_batch_is_refused_before_its_body_is_stored(proxy_folder: Path, proxied: Site) -> None:
    attacker = Attacker(proxied.port)
    kind = "Content-Type: multipart/form-data; boundary=x"
    caller = attacker.open(head("POST", BATCHES, kind, "Content-Length: 1000000000") + bytes(1_000_000))
    answer = b""
    while b"}" not in answer and (piece := caller.recv(1000)):
        answer += piece
    attacker.close()
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b'"code": "not_authenticated"' in answer
    assert not [path for name in ("body", "batches") for path in (proxy_folder / name).rglob("*") if path.is_file()]


def test_proxy_check_allows_a_users_batch(proxied: Site, mnist_pictures: dict[int, bytes]) -> None:
    body, kind = multipart(mnist_pictures[7], "images", "7.png")
    headers = {"Authorization": f"Token {proxied.token}", "Content-Type": kind}
    assert proxied.call("POST", BATCHES, body, headers).status == 202
    listed = proxied.call("GET", BATCHES, headers=headers)
    assert [batch["total"] for batch in listed.json()["results"]] == [1]
    assert proxied.call("GET", BATCHES).json()["code"] == "not_authenticated"


def test_too_many_requests_at_once_get_retry_after(proxied: Site) -> None:
    attacker = Attacker(proxied.port)
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
    assert answers(proxied.port, "/healthz")
