"""With more requests than can wait, the next one is refused at once, and /healthz still answers."""

import statistics
import time
from collections.abc import Iterator
from contextlib import suppress

import cv2
import numpy as np
import pytest

from benchmarks.load import multipart
from benchmarks.processes import wait_until
from tests.sites import Answer, Site, call, install

from .stalling import ATTACKER, HONEST, PREVIEW, Attacker, head, under

pytestmark = pytest.mark.serial
MAX_REFUSAL, MAX_HEALTH = 0.1, 2.0
"""Seconds, the median of refusals and the slowest answer of /healthz: a single one depends on the machine too."""

ACCEPTED_AFTER = 2.0
"""Seconds after which a call has not been refused, but waits behind the attacker's."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("overloaded"))
    install(site)
    site.start()
    yield site
    site.close()


def crowd(attacker: Attacker) -> None:
    """Send pages that take a tenth of a second each, ever more of them than can be read."""
    body, kind = multipart(cv2.imencode(".png", np.full((1900, 2000), 255, np.uint8))[1].tobytes())
    request = head("POST", PREVIEW, f"Content-Type: {kind}", f"Content-Length: {len(body)}") + body
    attacker.open_many(120, request)
    attacker.go_on(lambda: attacker.open(request), 0.01)


def timed(site: Site, path: str, timeout: float = 30) -> tuple[Answer, float]:
    """Return the answer and the seconds it took. If there is none in time, its status is 0."""
    began, answer = time.perf_counter(), Answer(0, {}, b"")
    with suppress(TimeoutError):
        answer = call("127.0.0.1", site.port, "GET", path, timeout=timeout, address=HONEST)
    return answer, time.perf_counter() - began


def test_overloaded_site_refuses_at_once_and_stays_healthy(site: Site) -> None:
    refused, alive = [], []
    with under(crowd, Attacker(site.port, ATTACKER)):
        for _ in range(40):
            answer, seconds = timed(site, "/about/", ACCEPTED_AFTER)
            if answer.status == 503:
                refused.append(seconds)
                assert answer.headers["Retry-After"] == "1"
            answer, seconds = timed(site, "/healthz")
            assert answer.status == 200
            alive.append(seconds)
    # What was accepted is answered, and then the site is free again.
    wait_until(lambda: timed(site, "/about/")[0].status == 200, timeout=30)
    assert len(refused) >= 20
    assert statistics.median(refused) <= MAX_REFUSAL
    assert max(alive) <= MAX_HEALTH
