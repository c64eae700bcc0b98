"""Memory of a web process while clients send data that is small on the wire and large in memory."""

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pytest

from tests.factories import encoded
from tests.sites import Answer, Site, database_in, install

from .stalling import Attack, Attacker, head, silence, under, unread_exports

PREVIEW = "/api/v1/predictions/preview/"
PEAK, AFTERWARDS = 600, 250
"""Megabytes."""

TOKEN = "a" * 32

pytestmark = [
    pytest.mark.serial,
    pytest.mark.skipif(sys.platform != "linux", reason="/proc tells what a process holds"),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    with database_in(folder) as database:
        site = Site(folder, database)
        site.manage("collectstatic", "--no-input", "--verbosity", "0")
        install(site)
        site.start()
        yield site
        site.close()


def megabytes(site: Site, field: str) -> int:
    """Return what the largest process of a site has in a field of /proc/PID/status."""
    assert site.process
    statuses = []
    for path in Path("/proc").glob("[0-9]*/status"):
        try:
            facts = dict(line.split(":", 1) for line in path.read_text().splitlines())
        except OSError:
            continue  # It has ended.
        if str(site.process.pid) in (facts["Pid"].strip(), facts["PPid"].strip()):
            statuses.append(int(facts[field].split()[0]) // 1024)
    return max(statuses)


def transparent_page() -> bytes:
    rgba = np.zeros((5000, 5000, 4), np.uint8)
    rgba[2000:2500, 2400:2460, 3] = 255
    return encoded(rgba)


def many_objects(door: Site) -> Answer:
    body = b"[" + b"{}," * 4_600_000 + b"{}]"
    return door.call("POST", PREVIEW, body, {"Content-Type": "application/json"})


def heavy_pages(door: Site) -> Answer:
    return door.post(transparent_page(), path=PREVIEW)


def whole_bodies(door: Site) -> Answer:
    return door.call("POST", PREVIEW, b'{"image": "' + b"A" * 14_000_000 + b'"}', {"Content-Type": "application/json"})


def log_ins(door: Site) -> Answer:
    fields = {"login": "ada", "password": "a guess", "csrfmiddlewaretoken": TOKEN}
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": f"csrftoken={TOKEN}"}
    return door.call("POST", "/accounts/login/", urlencode(fields).encode(), headers)


def half_sent_bodies(attacker: Attacker) -> None:
    attacker.open_many(90, head("POST", PREVIEW, "Content-Length: 14000000") + bytes(7_000_000))


def read_digits(door: Site, pictures: dict[int, bytes]) -> None:
    assert {door.post(pictures[turn % 10], path=PREVIEW).status for turn in range(200)} == {200}


@pytest.mark.parametrize(
    ("attack", "at_once", "times"),
    [(many_objects, 6, 12), (heavy_pages, 8, 16), (whole_bodies, 90, 90), (log_ins, 16, 48)],
    ids=["JSON", "pages", "bodies", "log-ins"],
)
def test_memory_stays_bounded_and_is_released(
    door: Site, attack: Callable[[Site], Answer], at_once: int, times: int, mnist_pictures: dict[int, bytes]
) -> None:
    with ThreadPoolExecutor(at_once) as strangers:
        answers = list(strangers.map(lambda _: attack(door), range(times)))
    assert {answer.status for answer in answers} <= {200, 400, 403, 429, 503}
    assert all("Retry-After" in answer.headers for answer in answers if answer.status == 503)
    peak = megabytes(door, "VmHWM")
    assert peak <= PEAK
    read_digits(door, mnist_pictures)
    assert megabytes(door, "VmRSS") <= AFTERWARDS, f"after a peak of {peak}"


@pytest.mark.parametrize("attack", [half_sent_bodies, silence])
def test_memory_stays_bounded_with_stalling_clients(
    door: Site, attack: Attack, mnist_pictures: dict[int, bytes]
) -> None:
    with under(attack, Attacker(door.port)):
        read_digits(door, mnist_pictures)
        assert megabytes(door, "VmHWM") <= PEAK
    read_digits(door, mnist_pictures)
    assert megabytes(door, "VmRSS") <= AFTERWARDS


@pytest.mark.usefixtures("large_picture")
def test_unread_exports_stay_out_of_memory(door: Site, session: str, mnist_pictures: dict[int, bytes]) -> None:
    attacker = Attacker(door.port, session=session)
    with under(unread_exports, attacker):
        for connection in attacker.connections:
            connection.settimeout(120)
        begun = {connection.recv(12) for connection in attacker.connections}
        # One of each process is enough.
        assert begun == {b"HTTP/1.1 200", b"HTTP/1.1 503"}
        assert megabytes(door, "VmHWM") <= PEAK
        read_digits(door, mnist_pictures)
        assert megabytes(door, "VmRSS") <= AFTERWARDS
