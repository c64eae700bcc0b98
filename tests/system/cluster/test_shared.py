"""What web hosts share, and what they do while shared servers are down."""

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager

import pytest
from django.conf import settings

from tests.factories import enlarged
from tests.sites import Answer

from .hosts import Host
from .load import CLIENTS, under_load
from .topology import PREDICTIONS, Cluster

LIMIT = int(settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]["flag"].removesuffix("/min"))


def flags(cluster: Cluster, picture: bytes, count: int) -> list[Answer]:
    """Let one person flag a prediction of theirs so many times, sixteen at once."""
    token = next(cluster.tokens)
    address = f"{PREDICTIONS}{cluster.post(picture, token).json()['id']}/flag/"

    def flag(turn: int) -> Answer:
        return cluster.call("POST", address, b'{"text": "7"}', token, Content_Type="application/json")

    with ThreadPoolExecutor(16) as people:
        return list(people.map(flag, range(count)))


def test_a_limit_is_exact_across_hosts(cluster: Cluster, mnist_pictures: dict[int, bytes]) -> None:
    answers = flags(cluster, mnist_pictures[7], LIMIT + 20)
    assert Counter(answer.status for answer in answers) == {201: LIMIT, 429: 20}
    assert all(0 < int(answer.headers["Retry-After"]) <= 60 for answer in answers if answer.status == 429)


STORED = """
import json
from datetime import timedelta
from recognizer.models import Prediction
from recognizer.predictions import orphaned_images
print(json.dumps([Prediction.objects.count(), len(list(orphaned_images(timedelta(minutes=-1))))]))
"""


def test_call_repeated_on_both_hosts_is_stored_once(cluster: Cluster, mnist_pictures: dict[int, bytes]) -> None:
    token = next(cluster.tokens)
    rows, images_without_row = cluster.ask(STORED)

    def repeat(turn: int) -> Answer:
        return cluster.post(mnist_pictures[7], token, host=cluster.web[turn % 2], Idempotency_Key="once")

    with ThreadPoolExecutor(16) as people:
        answers = list(people.map(repeat, range(50)))
    assert Counter(answer.status for answer in answers) == {201: 50}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert cluster.ask(STORED) == [rows + 1, images_without_row]


@contextmanager
def stopped(cluster: Cluster, host: Host) -> Iterator[None]:
    host.stop(signal.SIGINT)  # SIGQUIT: PostgreSQL stops at once, with clients connected.
    yield
    host.start()


def cut_off(cluster: Cluster, host: Host) -> AbstractContextManager[None]:
    return cluster.network.cut_off(host)


Away = Callable[[Cluster, Host], AbstractContextManager[None]]


@pytest.mark.parametrize("away", [stopped, cut_off])
def test_hosts_without_redis_read_and_store_without_limits(
    cluster: Cluster, mnist_pictures: dict[int, bytes], away: Away
) -> None:
    with under_load(cluster, mnist_pictures) as load, away(cluster, cluster.redis):
        load.until_kept(50)
        answers = flags(cluster, mnist_pictures[7], LIMIT + 20)
        assert Counter(answer.status for answer in answers) == {201: LIMIT + 20}
    assert load.failures == []
    cluster.until_well()
    answers = flags(cluster, mnist_pictures[7], LIMIT + 20)
    assert Counter(answer.status for answer in answers) == {201: LIMIT, 429: 20}, "limits are counted again"


@pytest.mark.parametrize(
    ("name", "away"),
    [("postgres", stopped), ("postgres", cut_off), ("s3", cut_off)],
    ids=["PostgreSQL stopped", "PostgreSQL cut off", "S3 cut off"],
)
def test_storage_outage_returns_503_then_recovers(
    cluster: Cluster, mnist_pictures: dict[int, bytes], name: str, away: Away
) -> None:
    # Small pictures are stored without S3.
    large = {digit: enlarged(picture) for digit, picture in mnist_pictures.items()}
    with under_load(cluster, large if name == "s3" else mnist_pictures) as load:
        with away(cluster, getattr(cluster, name)):
            cluster.until(lambda: len(load.failures) > CLIENTS, "nobody is told")
        cluster.until(lambda: all(map(cluster.is_ready, cluster.web)), "the site is not well again")
        well = time.monotonic()
        load.until_kept(100)
    assert {(failure.status, failure.retry_after) for failure in load.failures} == {(503, "5")}, load.failures
    assert [failure for failure in load.failures if failure.sent > well] == []
