"""Expensive work of one address or account does not delay another's single digit."""

import io
import threading
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlencode

import pytest

from benchmarks.load import multipart
from tests.sites import USERS, Answer, Site

from .stalling import ATTACKER, HONEST, PREVIEW, Experience, call_honestly
from .test_heavy import many_digits

pytestmark = pytest.mark.serial
BATCHES = "/api/v1/batches/"
MAX_P95 = 0.5
"""Seconds."""

MAX_WAIT = 30.0
"""Seconds for a batch of one digit: workers first finish the parts they have begun."""

NEW_USER = """
import json
from django.contrib.auth.models import User
from keys.models import Key
print(json.dumps(Key.objects.issue(User.objects.get_or_create(username="grace")[0])[1]))
"""
TOKEN = "a" * 32
NETWORKS = [f"127.{number}.0.2" for number in range(1, 17)]


@dataclass(frozen=True)
class Call:
    """A POST. body: called for the body of each."""

    path: str
    kind: str
    body: Callable[[], bytes]
    headers: dict[str, str] = field(default_factory=dict)


@contextmanager
def attacked(door: Site, call: Call, addresses: Sequence[str]) -> Iterator[list[int]]:
    """Send a call again and again from some addresses, one at a time each. Yields the statuses of the answers."""
    statuses: list[int] = []
    stop = threading.Event()

    def attack(address: str) -> None:
        while not stop.is_set():
            # The attacker may be refused or cut off.
            with (
                suppress(OSError, HTTPException),
                closing(HTTPConnection("127.0.0.1", door.port, timeout=60, source_address=(address, 0))) as connection,
            ):
                connection.request("POST", call.path, call.body(), {"Content-Type": call.kind} | call.headers)
                statuses.append(connection.getresponse().status)

    threads = [threading.Thread(target=attack, args=[address]) for address in addresses]
    for thread in threads:
        thread.start()
    time.sleep(1)
    try:
        yield statuses
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def assert_unharmed(honest: Experience) -> None:
    assert not honest.failures
    assert honest.p95 <= MAX_P95


def page(side: int, cell: int) -> Call:
    body, kind = multipart(many_digits(side, cell))
    return Call(PREVIEW, kind, lambda: body)


def form_with_password(path: str, name: str, *passwords: str) -> Call:
    """A form with another name each time, so that no lock of a name spares the site the password."""

    def body() -> bytes:
        fields = dict.fromkeys(passwords, "a guess that nobody made") | {name: f"name{uuid.uuid4().hex}"}
        return urlencode(fields | {"csrfmiddlewaretoken": TOKEN}).encode()

    return Call(path, "application/x-www-form-urlencoded", body, {"Cookie": f"csrftoken={TOKEN}"})


LOG_IN = form_with_password("/accounts/login/", "login", "password")
SIGN_UP = form_with_password("/accounts/signup/", "username", "password1", "password2")


def test_pages_of_15000_digits_do_not_hold_up_another(door: Site, mnist_pictures: dict[int, bytes]) -> None:
    with attacked(door, page(5000, 40), 4 * [ATTACKER]) as statuses:
        honest = call_honestly(door.port, mnist_pictures[7], HONEST, page=False)
    assert {400} <= set(statuses) <= {400, 503}
    assert_unharmed(honest)


def test_pages_of_2500_digits_do_not_hold_up_another(door: Site, mnist_pictures: dict[int, bytes]) -> None:
    with attacked(door, page(1900, 38), 4 * [ATTACKER]) as statuses:
        honest = call_honestly(door.port, mnist_pictures[7], HONEST, page=False)
    assert set(statuses) <= {200, 400, 503}
    assert_unharmed(honest)


@pytest.mark.parametrize("addresses", [16 * [ATTACKER], NETWORKS], ids=["one address", "many networks"])
@pytest.mark.parametrize("call", [LOG_IN, SIGN_UP], ids=["log-in", "sign-up"])
def test_many_passwords_do_not_hold_up_another(
    door: Site, call: Call, addresses: list[str], mnist_pictures: dict[int, bytes]
) -> None:
    with attacked(door, call, addresses) as statuses:
        honest = call_honestly(door.port, mnist_pictures[7], HONEST, page=False)
    # More than threads check were refused.
    assert 503 in statuses
    assert set(statuses) <= {200, 302, 403, 429, 503}
    assert_unharmed(honest)


@pytest.fixture
def working(door: Site) -> Iterator[None]:
    """A worker for batches. In the end, no batch is left to do."""
    worker = door.start_worker("batches")
    yield
    for user in USERS:
        for batch in call_as(door, door.tokens[user], "GET", BATCHES).json()["results"]:
            call_as(door, door.tokens[user], "POST", f"{BATCHES}{batch['id']}/cancel/")
    door.stop_worker(worker)


@pytest.mark.usefixtures("working")
def test_heavy_batches_of_two_do_not_hold_up_a_third(door: Site, mnist_pictures: dict[int, bytes]) -> None:
    page = many_digits(5000, 100)
    heavy = zipped({f"{number}.png": page for number in range(8)})
    others = [(door.tokens[user], send(door, door.tokens[user], heavy)) for user in 3 * USERS]
    third = door.ask(NEW_USER)
    began = time.monotonic()
    batch = send(door, third, zipped({"7.png": mnist_pictures[7]}))
    honest = call_honestly(door.port, mnist_pictures[7], HONEST, page=False)
    door.until(lambda: is_done(door, third, batch), MAX_WAIT)
    waited = time.monotonic() - began
    assert waited <= MAX_WAIT
    assert not all(is_done(door, *other) for other in others)
    assert_unharmed(honest)


def zipped(pictures: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, picture in pictures.items():
            archive.writestr(name, picture)
    return content.getvalue()


def call_as(door: Site, token: str, method: str, path: str, body: bytes = b"", kind: str = "") -> Answer:
    return door.call(method, path, body, {"Authorization": f"Token {token}", "Content-Type": kind})


def send(door: Site, token: str, archive: bytes) -> int:
    answer = call_as(door, token, "POST", BATCHES, *multipart(archive, "archive", "pages.zip"))
    assert answer.status == 202, answer.content
    return int(answer.json()["id"])


def is_done(door: Site, token: str, batch: int) -> bool:
    return bool(call_as(door, token, "GET", f"{BATCHES}{batch}/").json()["state"] == "done")
