"""Clients that send pictures through the proxy until stopped, and record each result."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import NamedTuple

from recognizer.reading import open_image

from .topology import PREDICTIONS, Cluster

CLIENTS = 6


class Failure(NamedTuple):
    """A call that was not acknowledged. sent: its time by the monotonic clock."""

    sent: float
    status: int | None
    retry_after: str | None
    what: str


@dataclass
class Load:
    """kept: the token under which each acknowledged reading was stored, by its id."""

    cluster: Cluster
    pictures: dict[int, bytes]
    kept: dict[int, str] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def send(self, number: int) -> None:
        while not self.stopped.is_set():
            number = (number + 1) % 10
            token, sent = next(self.cluster.tokens), time.monotonic()
            try:
                answer = self.cluster.post(self.pictures[number], token)
            except (OSError, HTTPException) as error:
                self.failures.append(Failure(sent, None, None, repr(error)))
                continue
            if answer.status != 201:
                told = Failure(sent, answer.status, answer.headers.get("Retry-After"), answer.content.decode())
                self.failures.append(told)
                time.sleep(0.05)
                continue
            reading = answer.json()
            assert reading["text"] == str(number)
            self.kept[reading["id"]] = token

    def until_kept(self, more: int) -> None:
        """Wait until so many more readings are acknowledged."""
        enough = len(self.kept) + more
        self.cluster.until(lambda: len(self.kept) >= enough, f"not {more} readings more: {self.failures[-3:]}")

    def assert_all_kept(self) -> None:
        """Find every acknowledged reading again, with its image."""

        def image_of(pk: int) -> int:
            # A 503 is no loss: clients repeat the call.
            for _ in range(5):
                answer = self.cluster.call("GET", f"{PREDICTIONS}{pk}/image/", token=self.kept[pk])
                if answer.status != 503:
                    break
                time.sleep(2)
            assert answer.status == 200, (pk, answer.content)
            return open_image(answer.content).size

        with ThreadPoolExecutor(CLIENTS) as people:
            assert all(people.map(image_of, self.kept))


@contextmanager
def under_load(cluster: Cluster, pictures: dict[int, bytes]) -> Iterator[Load]:
    """Send pictures during the context; then check that all acknowledged readings are stored."""
    load = Load(cluster, pictures)
    with ThreadPoolExecutor(CLIENTS) as people:
        sending = [people.submit(load.send, number) for number in range(CLIENTS)]
        try:
            load.until_kept(50)
            yield load
        finally:
            load.stopped.set()
    for each in sending:
        each.result()
    load.assert_all_kept()
