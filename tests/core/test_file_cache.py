"""The cache in a file that the processes of one machine share."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from core import file_cache
from core.file_cache import Count, SharedFile


@pytest.fixture
def shared(tmp_path: Path) -> SharedFile:
    return SharedFile(str(tmp_path / "limits"), {})


def test_cached_value_is_returned_until_it_expires(shared: SharedFile) -> None:
    assert shared.get("a", "nothing") == "nothing"
    shared.set("a", {"b": [1, None]})
    shared.set("gone", 1, timeout=0)
    assert (shared.get("a"), shared.get("gone")) == ({"b": [1, None]}, None)
    assert (shared.add("a", 2), shared.add("gone", 2)) == (False, True)
    assert (shared.delete("a"), shared.delete("a"), shared.get("gone")) == (True, False, 2)
    shared.clear()
    assert shared.get("gone") is None


def test_counts_are_exact_over_threads_and_callers(shared: SharedFile) -> None:
    with ThreadPoolExecutor(8) as threads:
        counts = list(threads.map(lambda turn: shared.count(f"caller {turn % 2}", 1, 30, 60), range(200)))
    assert sum(count.allowed for count in counts) == 60


def test_counted_call_expires(shared: SharedFile, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    monkeypatch.setattr(file_cache.time, "time", lambda: now)
    assert shared.count("a", 2, 3, 60) == Count(True, 1, 60)
    now += 20
    assert shared.count("a", 1, 3, 60) == Count(True, 0, 40)
    assert shared.count("a", 3, 3, 60) == Count(False, 0, 60)
    assert shared.count("a", 1, 3, 60) == Count(False, 0, 40)
    now += 40
    assert shared.count("a", 1, 3, 60).allowed


def test_clock_set_back_locks_nobody_out(shared: SharedFile, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    monkeypatch.setattr(file_cache.time, "time", lambda: now)
    assert shared.count("a", 1, 1, 60).allowed
    now -= 3600
    assert shared.count("a", 1, 1, 60).allowed


def test_expired_counts_are_deleted(shared: SharedFile, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    monkeypatch.setattr(file_cache.time, "time", lambda: now)
    for caller in range(5):
        shared.count(f"caller {caller}", 1, 1, 60)
    now += 61
    shared.count("another", 1, 1, 60)
    with shared._transaction() as rows:
        assert rows.execute("SELECT COUNT(*) FROM counted").fetchone() == (1,)


def test_limits_file_is_private(shared: SharedFile) -> None:
    shared.count("a", 1, 1, 60)
    assert [path.stat().st_mode & 0o777 for path in Path(shared.folder).iterdir()] == [0o600] * 2


@pytest.mark.parametrize("harm", ["damaged", "deleted"])
def test_damaged_limits_file_is_replaced(shared: SharedFile, harm: str) -> None:
    assert shared.count("a", 1, 1, 60).allowed
    path = Path(shared.folder) / "counts.sqlite3"
    if harm == "damaged":
        path.write_bytes(os.urandom(50_000))
    else:
        path.unlink()
    for _ in range(2):
        with suppress(Exception):  # The throttles treat this as an unreachable cache.
            shared.count("a", 1, 1, 60)
    assert path.exists()
    assert not shared.count("a", 1, 1, 60).allowed
