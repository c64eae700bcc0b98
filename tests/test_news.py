"""Word of a promotion over a real Redis, and that nothing depends on it."""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site

from benchmarks.processes import free_port
from recognizer import news, serving
from recognizer.models import ModelVersion

from .servers import redis_or_skip
from .test_sharing import redis_cache

HOST = """
import json, sys, time
import django; django.setup()
from django.core.cache import caches
from recognizer import serving
from recognizer.models import ModelVersion
serving.LOOK_EVERY = 2 * float(sys.argv[1])
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


def seconds_until_another_process_serves(environment: dict[str, str], look_every: float) -> float:
    """Promote a version in one process, and return how long another one, which looks so seldom, takes to serve it."""

    def manage(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=site.BASE_DIR, env=environment, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    manage("migrate", "-v0")
    command = [sys.executable, "-c", HOST, str(look_every)]
    with subprocess.Popen(command, cwd=site.BASE_DIR, env=environment, stdout=subprocess.PIPE, text=True) as host:
        try:
            assert host.stdout is not None
            host.stdout.readline()
            # It listens by then, and has looked for the last time before it is told.
            time.sleep(1)
            began = float(manage("shell", "--no-imports", "-c", SECOND).split()[-1])
            return float(json.loads(host.stdout.readline())) - began
        finally:
            host.kill()


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return os.environ | {
        "DATABASE_URL": f"sqlite:///{tmp_path / 'db.sqlite3'}",
        "MEDIA_ROOT": str(tmp_path / "media"),
        "DJANGO_SETTINGS_MODULE": "digitsite.settings",
        "SECRET_KEY": "of this test alone",
        "HTTPS": "off",
    }


def test_a_process_that_hears_of_a_promotion_does_not_wait_for_its_next_look(environment: dict[str, str]) -> None:
    environment["CACHE_URL"] = f"{redis_or_skip()}?key_prefix={uuid.uuid4().hex}"
    assert seconds_until_another_process_serves(environment, look_every=60) < 30


def test_without_redis_a_process_finds_a_promotion_by_itself(environment: dict[str, str]) -> None:
    environment["CACHE_URL"] = f"redis://127.0.0.1:{free_port()}/0"
    assert seconds_until_another_process_serves(environment, look_every=0.5) < 30


def test_each_word_is_heard_and_none_before_the_line_is_there_is_missed(redis: None) -> None:
    words = news.words()
    next(words)
    news.tell()
    assert seconds_of(lambda: next(words)) < 5


def test_a_promotion_is_told_once_it_is_sure(
    redis: None, version: ModelVersion, django_capture_on_commit_callbacks: Any
) -> None:
    words = news.words()
    next(words)
    with django_capture_on_commit_callbacks(execute=True):
        version.promote()
    assert seconds_of(lambda: next(words)) < 5


def test_a_redis_that_is_away_is_asked_again(no_redis: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    def come_back(seconds: float) -> None:
        waited.append(seconds)
        settings.CACHES = redis_cache(redis_or_skip())

    monkeypatch.setattr(news.time, "sleep", come_back)
    next(news.words())
    assert waited == [news.PATIENCE]


def test_a_line_that_is_silent_is_laid_anew(redis: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(news, "SILENCE", 0.2)
    words = news.words()
    assert seconds_of(lambda: [next(words) for _ in range(3)]) < 5


def test_a_redis_that_is_away_costs_a_promotion_nothing(
    no_redis: None, version: ModelVersion, django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = threading.Event()
    monkeypatch.setattr(news, "_tell", lambda: held.wait(10))
    try:
        with django_capture_on_commit_callbacks(execute=True):
            assert seconds_of(version.promote) < 5
    finally:
        held.set()
    assert ModelVersion.objects.serving() == version
    monkeypatch.undo()
    news._tell()


def test_without_a_redis_there_is_nothing_to_hear_or_to_tell() -> None:
    assert list(news.words()) == []
    before = threading.active_count()
    news.tell()
    assert threading.active_count() == before


def test_who_hears_a_word_looks_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    heard, looks = threading.Event(), threading.Semaphore(0)

    class Watched:
        class Enough(Exception):
            """Ends the thread."""

        count = 0

        def look(self) -> None:
            looks.release()
            self.count += 1
            if self.count == 3:
                raise Watched.Enough

    def watch() -> None:
        with contextlib.suppress(Watched.Enough):
            serving._watch(heard)

    monkeypatch.setattr(serving, "LOOK_EVERY", 120.0)
    monkeypatch.setattr(serving, "_cache", Watched())
    monkeypatch.setattr(serving, "close_old_connections", lambda: None)
    watcher = threading.Thread(target=watch)
    watcher.start()
    for _ in range(2):
        assert looks.acquire(timeout=10)
        heard.set()
    assert looks.acquire(timeout=10)
    watcher.join(10)
    assert not watcher.is_alive()
