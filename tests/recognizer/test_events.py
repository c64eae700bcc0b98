"""Announcements of promotions over a real Redis, and polling without it."""

import json
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

from benchmarks.processes import ROOT, free_port
from recognizer import events
from recognizer.models import ModelVersion
from recognizer.serving import cache as serving
from tests.digitsite.test_sharing import redis_cache
from tests.servers import redis_or_skip
from tests.sites import Site, copy_of

HOST = """
import json, sys, time
import django; django.setup()
from django.core.cache import caches
from recognizer.serving import cache as serving
from recognizer.models import ModelVersion
serving.POLL_INTERVAL = 2 * float(sys.argv[1])
serving.serving_reader()
serving.watch_promotions()
print(serving.serving_now(), flush=True)
while (now := serving.serving_now()) != "second":
    time.sleep(0.01)
print(json.dumps(time.time()), flush=True)
"""
SECOND = """
import time
from recognizer.models import ModelVersion
first = ModelVersion.objects.get()
fields = ("card", "keras_file", "keras_sha256", "litert_file", "litert_sha256", "mistakes")
second = ModelVersion.objects.create(name="second", **{field: getattr(first, field) for field in fields})
began = time.time()
second.promote()
print(began)
"""


@pytest.fixture
def redis(settings: Any) -> None:
    settings.CACHES = redis_cache(redis_or_skip())


@pytest.fixture
def no_redis(settings: Any) -> None:
    settings.CACHES = redis_cache(f"redis://127.0.0.1:{free_port()}/0")


def seconds_of(work: Callable[[], Any]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site that is never started, to be copied."""
    folder = tmp_path_factory.mktemp("installed")
    site = Site(folder, f"sqlite:///{folder / 'db.sqlite3'}", {"DJANGO_SETTINGS_MODULE": "digitsite.settings"})
    site.manage("migrate", "--verbosity", "0")
    return site


def seconds_until_another_process_serves(site: Site, look_every: float) -> float:
    """Promote a version in one process, and return how long another with this poll interval takes to use it."""
    command = [sys.executable, "-c", HOST, str(look_every)]
    with subprocess.Popen(command, cwd=ROOT, env=site.environment, stdout=subprocess.PIPE, text=True) as host:
        try:
            assert host.stdout is not None
            # By then it listens, and does not poll again before the announcement.
            host.stdout.readline()
            began = float(site.ask(SECOND))
            return float(json.loads(host.stdout.readline())) - began
        finally:
            host.kill()


@pytest.mark.slow
def test_announced_promotion_is_loaded_at_once(installed: Site, tmp_path: Path) -> None:
    with copy_of(installed, tmp_path, CACHE_URL=f"{redis_or_skip()}?key_prefix={uuid.uuid4().hex}") as site:
        assert seconds_until_another_process_serves(site, look_every=60) < 30


@pytest.mark.slow
def test_promotion_is_polled_without_redis(installed: Site, tmp_path: Path) -> None:
    with copy_of(installed, tmp_path, CACHE_URL=f"redis://127.0.0.1:{free_port()}/0") as site:
        assert seconds_until_another_process_serves(site, look_every=0.5) < 30


def test_every_event_is_received_even_before_connecting(redis: None) -> None:
    words = events.listen()
    next(words)
    events.publish()
    assert seconds_of(lambda: next(words)) < 5


def test_promotion_is_announced_after_commit(
    redis: None, version: ModelVersion, django_capture_on_commit_callbacks: Any
) -> None:
    words = events.listen()
    next(words)
    with django_capture_on_commit_callbacks(execute=True):
        version.promote()
    assert seconds_of(lambda: next(words)) < 5


def test_unreachable_redis_is_retried(no_redis: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    def come_back(seconds: float) -> None:
        waited.append(seconds)
        settings.CACHES = redis_cache(redis_or_skip())

    monkeypatch.setattr(events.time, "sleep", come_back)
    next(events.listen())
    assert waited == [events.RETRY_DELAY]


def test_silent_redis_connection_is_reopened(redis: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "SILENCE", 0.2)
    words = events.listen()
    assert seconds_of(lambda: [next(words) for _ in range(3)]) < 5


def test_promotion_works_without_redis(
    no_redis: None, version: ModelVersion, django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = threading.Event()
    monkeypatch.setattr(events, "_publish", lambda: held.wait(10))
    try:
        with django_capture_on_commit_callbacks(execute=True):
            assert seconds_of(version.promote) < 5
    finally:
        held.set()
    assert ModelVersion.objects.serving() == version
    monkeypatch.undo()
    events._publish()


def test_announcements_do_nothing_without_redis() -> None:
    assert list(events.listen()) == []
    before = threading.active_count()
    events.publish()
    assert threading.active_count() == before


def test_announcement_makes_a_process_poll_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "listen", lambda: iter([None, None]))
    poller = MagicMock()
    serving._listen(poller)
    assert poller.wake.call_count == 2
