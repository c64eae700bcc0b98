"""The whole site is killed under load repeatedly: acknowledged readings remain, and nothing is orphaned.

Three times in the suite; `make crash-test` does it a hundred times.
"""

import os
import random
import signal
import threading
from http.client import HTTPException

from recognizer.reading import open_image
from tests.factories import enlarged
from tests.sites import Site

CRASHES = int(os.environ.get("CRASHES", "3"))
CLIENTS = 8


SMALL = "SELECT id, image_content FROM recognizer_prediction WHERE image = ''"


def killed_under_load(site: Site, pictures: dict[int, bytes], count: int) -> dict[int, str]:
    """Kill the site once so many pictures are acknowledged. Returns the readings that were."""
    kept: dict[int, str] = {}
    large = {digit: enlarged(picture) for digit, picture in pictures.items()}

    def client(number: int) -> None:
        for turn in range(10_000):
            digit = (number + turn) % 10
            try:
                answer = site.post((pictures if number % 2 else large)[digit])
            except (OSError, HTTPException):
                return
            assert answer.status == 201, answer.content
            kept[answer.json()["id"]] = str(digit)

    clients = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for thread in clients:
        thread.start()
    site.until(lambda: len(kept) >= count)
    site.stop(signal.SIGKILL)
    for thread in clients:
        thread.join()
    return kept


def test_acknowledged_readings_survive_a_killed_site(new_site: Site, mnist_pictures: dict[int, bytes]) -> None:
    site, media = new_site, new_site.folder / "media"
    site.variables["WEB_CONCURRENCY"] = "2"
    chance = random.Random(7)
    kept: dict[int, str] = {}
    for _ in range(CRASHES):
        site.start()
        kept |= killed_under_load(site, mnist_pictures, chance.randint(CLIENTS, 60))
    assert len(kept) >= CRASHES * CLIENTS
    stored, small = site.rows(), dict(site.query(SMALL))
    assert set(kept) <= set(stored)
    files = {image for image in stored.values() if image}
    images = [(media / image).read_bytes() for image in files] + list(small.values())
    assert len(images) == len(stored)
    assert all(open_image(bytes(image)).size for image in images)
    assert files
    assert small
    site.manage("sweep_media", "--minutes", "0")
    assert {str(path.relative_to(media)) for path in (media / "predictions").rglob("*") if path.is_file()} == files
    if site.database.startswith("sqlite"):
        assert site.query("PRAGMA integrity_check") == [("ok",)]
