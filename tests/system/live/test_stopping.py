"""A stopping server answers accepted connections and refuses new ones."""

import signal
import threading
from pathlib import Path

import pytest

from tests.sites import Site

CLIENTS = 6


@pytest.mark.serial
def test_no_request_is_cut_off_while_the_site_stops(new_site: Site, mnist_pictures: dict[int, bytes]) -> None:
    site = new_site
    told: list[str] = []

    def client() -> None:
        while True:
            try:
                told.append(str(site.post(mnist_pictures[7]).status))
            except ConnectionRefusedError:
                return
            except Exception as error:  # What else a client may see, it must not.
                told.append(repr(error))
                return

    for _ in range(3):
        answered = len(told)
        site.start()
        clients = [threading.Thread(target=client) for _ in range(CLIENTS)]
        for thread in clients:
            thread.start()
        site.until(lambda answered=answered: len(told) > answered + 5 * CLIENTS)
        site.stop(signal.SIGTERM)
        for thread in clients:
            thread.join()
    assert set(told) == {"201"}, [words for words in told if words != "201"]
    assert len(site.rows()) == len(told)
    # Usage is counted in memory, and stored before each process ends.
    assert site.query("SELECT sum(calls) FROM keys_dayofuse") == [(len(told),)]


def test_stopped_site_leaves_its_database_in_one_file(new_site: Site, mnist_pictures: dict[int, bytes]) -> None:
    site = new_site
    if not site.database.startswith("sqlite"):
        pytest.skip("the server keeps its files")
    site.start()
    for _ in range(5):
        site.post(mnist_pictures[7])
    site.stop(signal.SIGTERM)
    log = Path(site.database.removeprefix("sqlite:///") + "-wal")
    # A leftover log would be replayed into a restored backup.
    assert not log.exists() or log.stat().st_size == 0
