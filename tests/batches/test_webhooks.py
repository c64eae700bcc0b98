"""Webhooks: told once a batch has ended, signed, at public addresses only, again until it works or is given up.

A real server with a certificate of its own stands for the receiver; that it is on this machine is forgiven here alone.
"""

import hashlib
import hmac
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from batches import webhooks
from batches.lifecycle import erase_batch, stop_batch
from batches.models import MAX_ATTEMPTS, Attempt, Batch, Delivery, SigningSecret
from batches.webhooks import attempt, check_address, deliver_due, is_public, public_addresses, sign
from batches.worker import read_waiting
from tests.factories import user_client

from .conftest import BATCHES
from .receiver import NAME, Receiver, serving
from .zips import zip_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """The only certificate authority that this process trusts."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    return authority


@pytest.fixture
def near(monkeypatch: pytest.MonkeyPatch) -> None:
    """Resolve every name to this machine, and accept its address as public."""
    monkeypatch.setattr(webhooks, "resolve", lambda host, port: ["127.0.0.1"])
    monkeypatch.setattr(webhooks, "is_public", lambda address: True)
    monkeypatch.setattr(webhooks, "PORTS", range(1, 65536))


@pytest.fixture
def receiver(authority: trustme.CA, near: None) -> Iterator[Receiver]:
    receiver = Receiver()
    with serving(receiver, authority.issue_cert(NAME)):
        yield receiver


def ended(user: User, address: str) -> Delivery:
    """A cancelled batch, and its leased delivery."""
    batch = Batch.objects.create(owner=user, total=1, source="api", webhook=address)
    assert stop_batch(batch)
    return take()


def take() -> Delivery:
    delivery = Delivery.objects.take()
    assert delivery is not None
    return delivery


def test_finished_batch_sends_one_signed_webhook(
    receiver: Receiver, api: Client, send: Callable[..., Any], told: list[int], user: User, picture: bytes
) -> None:
    archive = SimpleUploadedFile("many.zip", zip_of({"a.png": picture, "b.png": b"no picture"}))
    answer = api.post(BATCHES, {"archive": archive, "webhook": receiver.address})
    assert (answer.status_code, answer.json()["webhook"]) == (202, receiver.address)
    assert not Delivery.objects.exists()
    read_waiting(threading.Event())
    attempt(take())
    ((path, headers, body),) = receiver.came
    assert path == "/told?by=digits"
    assert headers["Host"] == f"{NAME}:{receiver.port}"
    assert headers["Content-Type"] == "application/json"
    message = json.loads(body)
    batch = api.get(answer["Location"]).json()
    assert message["event"] == "batch.finished"
    assert {name: message["batch"][name] for name in ("id", "state", "total", "read", "refused")} == {
        "id": batch["id"], "state": "done", "total": 2, "read": 1, "refused": 1,
    }  # fmt: skip
    moment, signature = (part.partition("=")[2] for part in headers["Digits-Signature"].split(","))
    assert abs(int(moment) - time.time()) < 60
    secret = SigningSecret.objects.get(user=user).secret
    assert hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest() == signature
    assert Delivery.objects.get().state == Delivery.State.DELIVERED
    assert [row.status for row in Attempt.objects.all()] == [204]
    assert Delivery.objects.take() is None


def test_documented_code_verifies_webhook_signatures() -> None:
    (code,) = re.findall(
        r"```python\n(def is_ours.*?)```", (settings.BASE_DIR / "docs" / "api.md").read_text(), re.DOTALL
    )
    names: dict[str, Any] = {"hmac": hmac, "hashlib": hashlib, "time": time}
    exec(code, names)  # noqa: S102  # the project's own
    is_ours, now = names["is_ours"], int(time.time())
    assert is_ours("whsec_a", sign("whsec_a", b"body", now), b"body")
    assert not is_ours("whsec_b", sign("whsec_a", b"body", now), b"body")
    assert not is_ours("whsec_a", sign("whsec_a", b"body", now), b"other")
    assert not is_ours("whsec_a", sign("whsec_a", b"body", now - 600), b"body")


def test_every_end_sends_a_webhook_except_deletion(user: User) -> None:
    for state in ("failed", "cancelled"):
        batch = Batch.objects.create(owner=user, total=1, source="api", webhook=f"https://{NAME}/")
        stop_batch(batch, state)  # type: ignore[arg-type]
        assert not stop_batch(batch)
        assert Delivery.objects.filter(batch=batch).count() == 1
        erase_batch(batch)
    stop_batch(Batch.objects.create(owner=user, total=1, source="api"))
    assert not Delivery.objects.exists()


def test_failed_delivery_is_retried_with_growing_delays(receiver: Receiver, user: User) -> None:
    receiver.status = 500
    delivery = ended(user, receiver.address)
    rests = []
    for _ in range(MAX_ATTEMPTS):
        before = timezone.now()
        attempt(delivery)
        delivery.refresh_from_db()
        assert Delivery.objects.take() is None, "not before its time"
        rests.append((delivery.due_at - before).total_seconds())
        if delivery.is_waiting:
            Delivery.objects.update(due_at=timezone.now())
            delivery = take()
    assert [round(rest) for rest in rests[:-1]] == [15 * 4**number for number in range(MAX_ATTEMPTS - 1)]
    assert delivery.state == Delivery.State.GIVEN_UP
    assert [row.status for row in Attempt.objects.all()] == [500] * MAX_ATTEMPTS == [500] * len(receiver.came)


def test_webhook_answering_410_is_not_retried(receiver: Receiver, user: User) -> None:
    receiver.status = 410
    attempt(ended(user, receiver.address))
    assert Delivery.objects.get().state == Delivery.State.GIVEN_UP


def test_a_redirect_is_not_followed(receiver: Receiver, user: User) -> None:
    receiver.status, receiver.location = 307, receiver.address + "&again"
    attempt(ended(user, receiver.address))
    assert len(receiver.came) == 1
    row = Attempt.objects.get()
    assert (row.status, row.failure) == (307, "Redirects are not followed.")


def test_invalid_certificate_gets_no_webhook(authority: trustme.CA, near: None, user: User) -> None:
    for certificate in (trustme.CA().issue_cert(NAME), authority.issue_cert("other.example")):
        receiver = Receiver()
        with serving(receiver, certificate):
            attempt(ended(user, receiver.address))
        assert receiver.came == []
    failures = {row.failure for row in Attempt.objects.all()}
    assert failures == {"The certificate is not trusted for this host name."}


def test_endless_answer_is_cut_off(receiver: Receiver, user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "DEADLINE", 0.5)
    receiver.drip = True
    attempt(ended(user, receiver.address))
    assert Attempt.objects.get().failure == "The connection failed, or took too long."


@pytest.mark.parametrize("port", ["closed", "silent"])
def test_closed_port_is_a_failure(near: None, user: User, monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    monkeypatch.setattr(webhooks, "TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        number = silent.getsockname()[1]
        if port == "closed":
            silent.close()
        attempt(ended(user, f"https://{NAME}:{number}/"))
    assert Attempt.objects.get().status is None
    assert Delivery.objects.get().is_waiting


PRIVATE = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0",  # noqa: S104
    "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "192.0.2.1", "198.18.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
    "192.0.0.9", "192.0.0.170", "192.88.99.1", "3fff::1", "3fff:fff::1", "2001:1::1", "5f00::1",
    "::", "::1", "fe80::1", "fe80::1%1", "fc00::1", "fd12::1", "fec0::1", "ff02::1", "2001:db8::1",
    "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1", "64:ff9b::808:808", "2002:7f00:1::", "2001:0:53aa:64c::1",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_private_address_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
def test_global_address_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("found", [["127.0.0.1"], ["93.184.215.14", "10.0.0.1"], ["::ffff:10.0.0.1"]])
def test_host_name_resolving_to_a_private_address_is_refused(
    user: User, monkeypatch: pytest.MonkeyPatch, found: list[str]
) -> None:
    monkeypatch.setattr(webhooks, "resolve", lambda host, port: found)
    gone_to: list[Any] = []
    monkeypatch.setattr(socket, "create_connection", lambda *args, **options: gone_to.append(args))
    attempt(ended(user, f"https://{NAME}/"))
    assert gone_to == []
    assert Attempt.objects.get().failure == "The host name resolves to an address that is not public."


def test_host_name_is_resolved_once_and_that_address_used(
    receiver: Receiver, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([["127.0.0.1"], ["192.0.2.66"]])
    checked: list[str] = []
    monkeypatch.setattr(webhooks, "resolve", lambda host, port: next(answers))
    monkeypatch.setattr(webhooks, "is_public", lambda address: checked.append(address) or True)
    asked: list[Any] = []
    lookup = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *args, **options: asked.append(host) or lookup(host, *args))
    attempt(ended(user, receiver.address))
    assert checked == ["127.0.0.1"]
    assert len(receiver.came) == 1
    assert NAME not in asked


def test_own_host_name_is_not_public() -> None:
    with pytest.raises(webhooks.NotPublic):
        public_addresses("localhost", 443)


@pytest.mark.parametrize(
    "address",
    [
        "http://hooks.example/", "ftp://hooks.example/", "hooks.example", "//hooks.example/", "https://", "https:///x",
        "https://127.0.0.1/", "https://[::1]/", "https://169.254.169.254/latest", "https://10.0.0.1:8443/",
        "https://ada:word@hooks.example/", "https://hooks.example/#part", "https://hooks.example:99999/",
        "https://hooks.example/a b", "https://hooks.example/\x00", "https://hooks.example/\r\nX: y", "https://h\u00f6ks.example/",
        "https://hooks.example/" + "a" * 500, "javascript:alert(1)",
    ],
)  # fmt: skip
def test_invalid_address_is_refused(api: Client, told: list[int], picture: bytes, address: str) -> None:
    with pytest.raises(ValidationError):
        check_address(address)
    archive = SimpleUploadedFile("many.zip", zip_of({"a.png": picture}))
    answer = api.post(BATCHES, {"archive": archive, "webhook": address})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_webhook")
    assert not Batch.objects.exists()


@pytest.mark.parametrize("port", [0, 1, 22, 80, 444, 5432, 6379, 8080, 8444, 65535])
def test_a_webhook_at_another_port_is_refused(user: User, monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    with pytest.raises(ValidationError, match="443, 8443"):
        check_address(f"https://hooks.example:{port}/")
    dialled: list[Any] = []
    monkeypatch.setattr(webhooks, "resolve", lambda host, port: ["8.8.8.8"])
    monkeypatch.setattr(webhooks.socket, "create_connection", lambda *args, **options: dialled.append(args))
    attempt(ended(user, f"https://hooks.example:{port}/"))
    assert not dialled
    assert "not public" in Attempt.objects.get().failure


@pytest.mark.parametrize("address", ["https://hooks.example", "https://hooks.example:8443/a/b?c=d", "https://8.8.8.8/"])
def test_public_webhook_address_is_accepted(address: str) -> None:
    check_address(address)


def test_lost_delivery_is_taken_over_and_writes_nothing_later(receiver: Receiver, user: User) -> None:
    dead = ended(user, receiver.address)
    assert Delivery.objects.take() is None
    Delivery.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    attempt(take())
    attempt(dead)
    assert Attempt.objects.count() == 1
    assert Delivery.objects.get().state == Delivery.State.DELIVERED


def test_batch_deleted_during_its_webhook_is_no_error(
    receiver: Receiver, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = webhooks.send

    def erased_meanwhile(*args: Any) -> Any:
        erase_batch(Batch.objects.get())
        return post(*args)

    delivery = ended(user, receiver.address)
    monkeypatch.setattr(webhooks, "send", erased_meanwhile)
    attempt(delivery)
    assert not Attempt.objects.exists()


def test_worker_sends_due_webhooks_concurrently(receiver: Receiver, user: User) -> None:
    for _ in range(3):
        stop_batch(Batch.objects.create(owner=user, total=1, source="api", webhook=receiver.address))
    deliver_due(threading.Event())
    until = time.monotonic() + 20
    while Delivery.objects.filter(state=Delivery.State.WAITING).exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert [row.state for row in Delivery.objects.all()] == [Delivery.State.DELIVERED] * 3
    assert len({json.loads(body)["batch"]["id"] for _, _, body in receiver.came}) == 3


def test_batch_page_lists_attempts_and_escapes_the_address(receiver: Receiver, user: User, superuser: User) -> None:
    receiver.status = 503
    delivery = ended(user, f"{receiver.address}&<b>")
    attempt(delivery)
    page = f"/batches/{delivery.batch_id}/"
    shown = user_client(user).get(page).content.decode()
    assert "503" in shown
    assert "The receiver did not accept it." in shown
    assert "Next attempt after" in shown
    assert "&amp;&lt;b&gt;" in shown


def test_webhook_secret_is_per_user_and_replaceable(user: User, other_user: User) -> None:
    client = user_client(user)
    assert "whsec_" not in client.get("/batches/").content.decode()
    secrets = []
    for _ in range(2):
        client.post("/batches/secret/")
        secrets.append(SigningSecret.objects.get().secret)
        assert secrets[-1] in client.get("/batches/").content.decode()
    assert secrets[0] != secrets[1]
    assert "whsec_" not in user_client(other_user).get("/batches/").content.decode()
