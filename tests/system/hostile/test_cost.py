"""Expensive work of one address or account does not delay another's single digit."""

import io
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlencode

import pytest

from benchmarks.load import multipart
from tests.sites import USERS, Site, install

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
print(json.dumps(Key.objects.issue(User.objects.create_user("grace"))[1]))
"""
TOKEN = "a" * 32


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("costly"), variables={"WEB_CONCURRENCY": "2"})
    site.manage("collectstatic", "--no-input", "--verbosity", "0")
    install(site)
    site.start()
    yield site
    site.close()


@contextmanager
def attacked(site: Site, callers: int, path: str, body: bytes, headers: dict[str, str]) -> Iterator[list[int]]:
    """Send a request again and again from one address. Yields the statuses of what was answered."""
    statuses: list[int] = []
    stop = threading.Event()

    def attack() -> None:
        while not stop.is_set():
            # The attacker may be refused or cut off.
            with (
                suppress(OSError, HTTPException),
                closing(HTTPConnection("127.0.0.1", site.port, timeout=60, source_address=(ATTACKER, 0))) as connection,
            ):
                connection.request("POST", path, body, headers)
                statuses.append(connection.getresponse().status)

    threads = [threading.Thread(target=attack) for _ in range(callers)]
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


def test_pages_of_15000_digits_do_not_hold_up_another(site: Site, mnist_pictures: dict[int, bytes]) -> None:
    body, kind = multipart(many_digits(5000, 40))
    with attacked(site, 4, PREVIEW, body, {"Content-Type": kind}) as statuses:
        honest = call_honestly(site.port, mnist_pictures[7], HONEST, page=False)
    assert {400} <= set(statuses) <= {400, 503}
    assert_unharmed(honest)


def test_pages_of_2500_digits_do_not_hold_up_another(site: Site, mnist_pictures: dict[int, bytes]) -> None:
    body, kind = multipart(many_digits(1900, 38))
    with attacked(site, 4, PREVIEW, body, {"Content-Type": kind}) as statuses:
        honest = call_honestly(site.port, mnist_pictures[7], HONEST, page=False)
    assert set(statuses) <= {200, 400, 503}
    assert_unharmed(honest)


def test_many_log_ins_do_not_hold_up_another(site: Site, mnist_pictures: dict[int, bytes]) -> None:
    fields = {"login": "ada", "password": "a guess", "csrfmiddlewaretoken": TOKEN}
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": f"csrftoken={TOKEN}"}
    with attacked(site, 16, "/accounts/login/", urlencode(fields).encode(), headers) as statuses:
        honest = call_honestly(site.port, mnist_pictures[7], HONEST, page=False)
    # Some were checked, and more refused.
    assert {200, 503} <= set(statuses) <= {200, 403, 429, 503}
    assert_unharmed(honest)


def test_heavy_batches_of_two_do_not_hold_up_a_third(site: Site, mnist_pictures: dict[int, bytes]) -> None:
    page = many_digits(5000, 100)
    heavy = zipped({f"{number}.png": page for number in range(8)})
    site.start_worker("batches")
    for user in USERS:
        for _ in range(3):
            send(site, site.tokens[user], heavy)
    third = site.ask(NEW_USER)
    began = time.monotonic()
    batch = send(site, third, zipped({"7.png": mnist_pictures[7]}))
    honest = call_honestly(site.port, mnist_pictures[7], HONEST, page=False)
    site.until(lambda: is_done(site, third, batch), MAX_WAIT)
    waited = time.monotonic() - began
    assert waited <= MAX_WAIT
    assert not all(is_done(site, site.tokens[user], batch - turn) for turn, user in enumerate(reversed(USERS), 1))
    assert_unharmed(honest)


def zipped(pictures: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, picture in pictures.items():
            archive.writestr(name, picture)
    return content.getvalue()


def send(site: Site, token: str, archive: bytes) -> int:
    body, kind = multipart(archive, "archive", "pages.zip")
    answer = site.call("POST", BATCHES, body, {"Content-Type": kind, "Authorization": f"Token {token}"})
    assert answer.status == 202, answer.content
    return int(answer.json()["id"])


def is_done(site: Site, token: str, batch: int) -> bool:
    answer = site.call("GET", f"{BATCHES}{batch}/", headers={"Authorization": f"Token {token}"})
    return answer.json()["state"] == "done"
