"""Batch throughput of one worker and of two, and the time for a million pictures.

`python -m benchmarks.batches [PICTURES]` starts real workers on running PostgreSQL and Redis servers, with a new
database in the one and an empty database of the other.
"""

import io
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import redis
from tqdm import tqdm

from . import pictures
from .processes import ROOT, started, worker_command
from .publishing import publish
from .tables import markdown

POSTGRES = os.environ.get("TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres")
REDIS = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379")

PICTURES, ROUNDS = 2_048, 2
HANDS = 100
"""Number of different digits in a batch."""

TIMES = 30
"""Timed transactions of a part's rows; ten times as many commits."""

MILLION = 1_000_000


def measure(count: int = PICTURES, rounds: int = ROUNDS) -> str:
    """Let workers read batches of drawn digits. Returns Markdown. Raises RuntimeError if that fails."""
    with tempfile.TemporaryDirectory() as name, a_database() as database, a_queue() as queue:
        folder = Path(name)
        os.environ |= {
            "DATABASE_URL": database,
            "CELERY_BROKER_URL": queue,
            "MEDIA_ROOT": str(folder / "media"),
            "HTTPS": "off",
            "DJANGO_SETTINGS_MODULE": "digitsite.settings",
        }
        subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, check=True)
        import django

        django.setup()
        one, two, commits = rates(count, rounds, folder)
        able = {
            "PostgreSQL commits, over one connection": (commit_rate(), commits),
            "predictions inserted, one transaction per part, over one connection": (row_rate(), 1.0),
        }
        django.db.connection.close()
    return table(count, rounds, one, two, able)


def table(count: int, rounds: int, one: float, two: float, able: dict[str, tuple[float, float]]) -> str:
    """Return the rates of one and two workers, and the limits of the shared servers, as Markdown.

    able: what the shared servers can do, each with its rate and its use per picture.
    """
    filled = {what: rate / (one * share) for what, (rate, share) in able.items()}
    first = min(filled, key=lambda what: filled[what])
    most = one * filled[first]
    speed = markdown(
        ["workers", "pictures per second", "target", "minutes for a million pictures"],
        [
            ["one", f"{one:.0f}", "≥ 600", f"{MILLION / one / 60:.0f}"],
            ["two", f"{two:.0f}", "≥ 1.8 x", f"{MILLION / two / 60:.0f}"],
        ],
    )
    limits = markdown(
        ["shared by all workers", "per second", "used by one worker", "workers at the limit"],
        [
            [what, f"{rate:,.0f}", f"{one * share:.1f}", f"{filled[what]:.0f}"]
            for what, (rate, share) in sorted(able.items(), key=lambda each: filled[each[0]])
        ],
    )
    return (
        f"Batches of {count:,} drawn digits, each stored; worker processes of one thread, PostgreSQL and Redis on the "
        f"same machine; means of {rounds} rounds, one worker and two in turn.\n\n{speed}\n"
        f"Two workers read {two / one:.2f} times as much as one.\n\n{limits}\n"
        f"With a core for each worker and these servers, the first limit is {first}: at {filled[first]:.0f} workers, "
        f"{most:,.0f} pictures per second, a million in {MILLION / most / 60:.1f} minutes.\n"
    )


def rates(count: int, rounds: int, folder: Path) -> tuple[float, float, float]:
    """Return the pictures per second of one worker and of two, and the write transactions per picture."""
    from django.contrib.auth.models import User

    owner = User.objects.create_user("benchmark")
    archive, warm_up = zip_of(count), zip_of(min(count, 8 * 64))
    alone, together, written = [], [], []
    with worker(folder / "first.log"), tqdm(total=2 * rounds * count, desc="batches", unit="picture") as bar:
        read(owner, warm_up)
        for _ in range(rounds):
            before = transactions()
            alone.append(read(owner, archive, bar.update))
            written.append((transactions() - before) / count)
            with worker(folder / "second.log"):
                # By then both have loaded the network.
                read(owner, warm_up)
                together.append(read(owner, archive, bar.update))
    return statistics.mean(alone), statistics.mean(together), statistics.mean(written)


def read(owner: Any, archive: bytes, progress: Callable[[int], Any] = lambda done: None) -> float:
    """Send a batch and wait until it is read. Returns pictures per second. Raises RuntimeError if one is refused."""
    from batches.intake import start_batch
    from recognizer.models import Source

    batch = start_batch(owner, io.BytesIO(archive), Source.API)
    seen = 0
    while batch.is_active:
        time.sleep(0.5)
        batch.refresh_from_db()
        progress(batch.done - seen)
        seen = batch.done
    if batch.read < batch.total:
        raise RuntimeError(f"{batch} is {batch.state}, {batch.in_words}. {batch.error}")
    assert batch.started_at
    assert batch.finished_at
    return batch.total / (batch.finished_at - batch.started_at).total_seconds()


def zip_of(count: int) -> bytes:
    """Pack drawn digits by several writers, in turn."""
    drawn = [pictures.drawn_digit(seed) for seed in range(min(count, HANDS))]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for number in range(count):
            archive.writestr(f"{number:05}.png", drawn[number % HANDS])
    return out.getvalue()


def commit_rate() -> float:
    """Return how many transactions of one small row PostgreSQL commits per second, one after another."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE benchmark (content bytea)")
        return rate(lambda: cursor.execute("INSERT INTO benchmark VALUES (%s)", [bytes(1000)]), 10 * TIMES)


def row_rate() -> float:
    """Return how many predictions with their images PostgreSQL inserts per second, in transactions of a part."""
    from batches.archives import PART_IMAGES
    from recognizer.models import Prediction

    def insert() -> None:
        for row in part:
            row.pk, row.request_key = None, ""
        Prediction.objects.bulk_create(part)

    part = list(Prediction.objects.all()[:PART_IMAGES])
    return len(part) * rate(insert, TIMES)


def rate(work: Callable[[], Any], times: int) -> float:
    """Return how often per second a function runs, one call after another."""
    began = time.perf_counter()
    for _ in range(times):
        work()
    return times / (time.perf_counter() - began)


def transactions() -> int:
    """Return the number of write transactions of this PostgreSQL so far."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
        return int(cursor.fetchone()[0])


@contextmanager
def worker(log: Path) -> Iterator[None]:
    """Start a worker of one thread, and stop it at the end."""
    with started(worker_command("batches", loglevel="INFO"), lambda: b" ready." in log.read_bytes(), {}, log):
        yield


@contextmanager
def a_database() -> Iterator[str]:
    """Create a database on the running PostgreSQL, and drop it at the end. Raises SystemExit without a server."""
    address = urlsplit(POSTGRES)
    name = f"benchmark_{secrets.token_hex(4)}"
    with ExitStack() as stack:
        try:
            server = stack.enter_context(psycopg.connect(POSTGRES, autocommit=True, connect_timeout=4))
        except psycopg.OperationalError as error:
            raise SystemExit(f"A PostgreSQL is needed, and none answers at TEST_POSTGRES_URL, {POSTGRES}") from error
        server.execute(f"CREATE DATABASE {name}")
        try:
            yield urlunsplit(address._replace(path=f"/{name}"))
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def a_queue() -> Iterator[str]:
    """Use an empty database of the running Redis. Raises SystemExit if there is none."""
    address = urlsplit(REDIS)
    for number in range(15, 0, -1):
        url = urlunsplit(address._replace(path=f"/{number}"))
        with redis.Redis.from_url(url, socket_connect_timeout=4) as server:
            try:
                if server.dbsize():
                    continue
            except redis.RedisError as error:
                raise SystemExit(f"A Redis is needed, and none answers at TEST_REDIS_URL, {REDIS}") from error
            try:
                yield url
            finally:
                server.flushdb()
            return
    raise SystemExit(f"An empty database is needed of the Redis at TEST_REDIS_URL, {REDIS}")


if __name__ == "__main__":
    publish("batches", measure(int(sys.argv[1]) if len(sys.argv) > 1 else PICTURES))
