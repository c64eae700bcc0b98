"""A stalling address does not stop the site: an honest client at the same address is answered."""

import os
import signal
import socket

import cv2
import numpy as np
import psutil
import pytest

from tests.sites import Site

from .conftest import LARGE
from .stalling import ATTACKS, MAX_P95, Attack, Attacker, call_honestly, half_of_large_bodies, head, under

pytestmark = pytest.mark.serial


def uncompressed(side: int) -> bytes:
    """Return a PNG of a seven whose bytes are three for each pixel."""
    page = np.full((side, side, 3), 255, np.uint8)
    cv2.putText(page, "7", (side // 4, 3 * side // 4), cv2.FONT_HERSHEY_SIMPLEX, side / 45, (0, 0, 0), side // 12)
    return cv2.imencode(".png", page, [cv2.IMWRITE_PNG_COMPRESSION, 0])[1].tobytes()


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_a_stalling_address_does_not_hold_up_an_honest_call(
    site: Site, attack: Attack, large_picture: str, session: str, mnist_pictures: dict[int, bytes]
) -> None:
    with under(attack, Attacker(site.port, token=site.token, picture=large_picture, session=session)):
        honest = call_honestly(site.port, mnist_pictures[7])
    assert not honest.failures
    assert honest.p95 <= MAX_P95


def test_the_large_picture_is_served_whole(site: Site, large_picture: str) -> None:
    answer = site.call("GET", large_picture, headers={"Authorization": f"Token {site.token}"})
    assert answer.status == 200
    assert len(answer.content) == LARGE


def test_a_large_upload_beside_half_sent_ones_is_never_reset(site: Site) -> None:
    with under(half_of_large_bodies, Attacker(site.port)):
        statuses = {site.post(uncompressed(1000)).status for _ in range(5)}
    assert statuses <= {201, 503}


def test_a_stranger_batch_is_refused_before_its_body(site: Site) -> None:
    attacker = Attacker(site.port)
    kind = "Content-Type: multipart/form-data; boundary=x"
    caller = attacker.open(head("POST", "/api/v1/batches/", kind, "Content-Length: 1000000000"))
    assert caller.recv(1000).startswith(b"HTTP/1.1 401 ")
    attacker.close()


def test_a_killed_web_process_is_started_again(site: Site, mnist_pictures: dict[int, bytes]) -> None:
    assert site.process is not None
    master = psutil.Process(site.process.pid)
    victim = master.children()[0]
    victim.kill()
    site.until(lambda: len([each for each in master.children() if each.pid != victim.pid]) == 2)
    assert not call_honestly(site.port, mnist_pictures[7]).failures


def test_web_processes_end_when_their_master_is_killed(site: Site) -> None:
    assert site.process is not None
    processes = psutil.Process(site.process.pid).children()
    os.kill(site.process.pid, signal.SIGKILL)
    site.process.wait()
    _, alive = psutil.wait_procs(processes, timeout=15)
    assert not alive
    with socket.create_server(("127.0.0.1", site.port)):
        pass
    site.start()
