"""The whole site killed under load, again and again: whatever was acknowledged is there, and nothing hangs loose.

Three times in the suite; `make crash-test` does it a hundred times.
"""

import os
import random
import signal
import threading
import time
from http.client import HTTPException
from pathlib import Path

from recognizer.reading import open_image

from .conftest import Site, installed

CRASHES = int(os.environ.get("CRASHES", "3"))
CLIENTS = 8
INTEGRITY = """
import json
from django.db import connection as c
print(json.dumps(c.cursor().execute("PRAGMA integrity_check").fetchone()[0] if c.vendor == "sqlite" else "ok"))
"""


def killed_under_load(site: Site, pictures: dict[int, bytes], seconds: float) -> dict[int, str]:
    """Let clients send pictures until the site is killed. Returns the readings that were acknowledged."""
    kept: dict[int, str] = {}

    def client(number: int) -> None:
        for turn in range(10_000):
            digit = (number + turn) % 10
            try:
                answer = site.post(pictures[digit])
            except (OSError, HTTPException):
                return
            assert answer.status == 201, answer.content
            kept[answer.json()["id"]] = str(digit)

    clients = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for thread in clients:
        thread.start()
    time.sleep(seconds)
    site.stop(signal.SIGKILL)
    for thread in clients:
        thread.join()
    return kept


def test_what_was_acknowledged_outlives_the_death_of_the_site(tmp_path: Path, mnist_pictures: dict[int, bytes]) -> None:
    chance = random.Random(7)
    media = tmp_path / "media"
    with installed(tmp_path) as site:
        site.processes = 2
        kept: dict[int, str] = {}
        for _ in range(CRASHES):
            site.start()
            kept |= killed_under_load(site, mnist_pictures, chance.uniform(0.3, 1.5))
        assert len(kept) > CRASHES
        stored = site.rows()
        assert set(kept) <= set(stored)
        assert all(open_image((media / image).read_bytes()).size for image in stored.values())
        site.manage("sweep_media", "--minutes", "0")
        files = {str(path.relative_to(media)) for path in (media / "predictions").rglob("*") if path.is_file()}
        assert files == set(stored.values())
        assert site.python(INTEGRITY) == "ok"
