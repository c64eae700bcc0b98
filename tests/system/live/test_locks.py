"""Another process, such as a backup, holds a write lock on the database."""

import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import psycopg

from tests.factories import enlarged
from tests.sites import Site

PREDICTIONS = "/api/v1/predictions/"


@contextmanager
def locked(site: Site) -> Iterator[None]:
    """Lock the predictions for writing over a separate connection."""
    if site.database.startswith("postgres"):
        with psycopg.connect(site.database) as database:
            database.execute("LOCK TABLE recognizer_prediction IN EXCLUSIVE MODE")
            yield
    else:
        with closing(sqlite3.connect(site.folder / "db.sqlite3", isolation_level=None)) as database:
            database.execute("BEGIN IMMEDIATE")
            yield


def test_calls_wait_ten_seconds_for_a_locked_database(site: Site, mnist_pictures: dict[int, bytes]) -> None:
    before = len(site.rows())
    with ThreadPoolExecutor(6) as pool:
        with locked(site):
            calls = [pool.submit(site.post, mnist_pictures[digit]) for digit in range(6)]
            time.sleep(5)
            looking = site.call("GET", PREDICTIONS, headers={"Authorization": f"Token {site.token}"})
            time.sleep(5)
            assert not any(call.done() for call in calls)
        assert looking.status == 200
        answers = [call.result() for call in calls]
    assert [(answer.status, answer.json()["text"]) for answer in answers] == [(201, str(digit)) for digit in range(6)]
    assert len(site.rows()) == before + 6


def test_call_waiting_too_long_for_a_lock_gets_503(new_site: Site, mnist_pictures: dict[int, bytes]) -> None:
    site = new_site
    site.variables["DJANGO_SETTINGS_MODULE"] = "tests.system.live.impatient_settings"
    site.start()
    with locked(site):
        refused = site.post(enlarged(mnist_pictures[7]))
    assert (refused.status, refused.json()["code"], refused.headers["Retry-After"]) == (503, "not_stored", "5")
    assert not [path for path in (site.folder / "media" / "predictions").rglob("*") if path.is_file()]
    assert site.rows() == {}
    assert site.post(mnist_pictures[7]).status == 201
