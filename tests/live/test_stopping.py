"""A server that is told to stop answers whoever has come, and refuses whoever comes later."""

import signal
import threading
import time
from pathlib import Path

import pytest

from .conftest import Site, installed

CLIENTS = 6
CALLS = "from keys.models import DayOfUse; print(sum(DayOfUse.objects.values_list('calls', flat=True)))"


def test_no_request_is_cut_off_while_the_site_stops(tmp_path: Path, mnist_pictures: dict[int, bytes]) -> None:
    told: list[str] = []

    def client(site: Site) -> None:
        while True:
            try:
                told.append(str(site.post(mnist_pictures[7]).status))
            except ConnectionRefusedError:
                return
            except Exception as error:  # What else a client may see, it must not.
                told.append(repr(error))
                return

    with installed(tmp_path) as site:
        for _ in range(3):
            site.start()
            clients = [threading.Thread(target=client, args=(site,)) for _ in range(CLIENTS)]
            for thread in clients:
                thread.start()
            time.sleep(1)
            site.stop(signal.SIGTERM)
            for thread in clients:
                thread.join()
        assert set(told) == {"201"}, [words for words in told if words != "201"]
        assert len(site.rows()) == len(told)
        # Counted in memory, and written down before each process ended.
        assert site.python(CALLS) == len(told)


def test_a_site_that_has_stopped_leaves_its_whole_database_in_one_file(
    tmp_path: Path, mnist_pictures: dict[int, bytes]
) -> None:
    with installed(tmp_path) as site:
        if not site.database.startswith("sqlite"):
            pytest.skip("the server keeps its files")
        site.start()
        for _ in range(5):
            site.post(mnist_pictures[7])
        site.stop(signal.SIGTERM)
        log = Path(site.database.removeprefix("sqlite:///") + "-wal")
        # What is in the log would be played into a backup that is unpacked over the database.
        assert not log.exists() or log.stat().st_size == 0
