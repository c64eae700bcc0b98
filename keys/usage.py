"""Count the calls of keys in memory, and add them to the database every few seconds.

Writing at each call would make reads as slow as writes, and calls would wait for each other on SQLite. A cache is local
to the process unless it is Redis, and may be evicted. A killed process loses the counts of the last seconds; one
that is stopped in order loses none.
"""

import datetime
import logging
import threading
from collections import Counter
from dataclasses import dataclass

from django.db import DatabaseError, transaction
from django.db.models import F
from django.utils import timezone

from core.polling import Poller

from .models import DayOfUse, Key

logger = logging.getLogger(__name__)

WRITE_INTERVAL = 5.0
DAYS = 30
"""Days that are stored and shown, including today."""

WIDTH, HEIGHT = 600, 120


class CallCounts:
    """Calls of this process that are not in the database yet."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.counts: Counter[tuple[int, datetime.date]] = Counter()
        self.last: dict[int, datetime.datetime] = {}

    def add(self, key: int, at: datetime.datetime) -> None:
        with self.lock:
            self.counts[key, at.date()] += 1
            self.last[key] = at

    def take(self) -> "CallCounts":
        """Return the counts so far, and reset them."""
        counted = CallCounts()
        with self.lock:
            counted.counts, self.counts = self.counts, Counter()
            counted.last, self.last = self.last, {}
        return counted

    def put_back(self, counted: "CallCounts") -> None:
        with self.lock:
            self.counts.update(counted.counts)
            self.last = counted.last | self.last


_calls = CallCounts()


def count_call(key: Key) -> None:
    """Count a call with a key. Does not use the database."""
    _calls.add(key.pk, timezone.now())


def write_down() -> None:
    """Add this process's counts to the database. Raises DatabaseError; the counts are then kept for the next time."""
    counted = _calls.take()
    try:
        add_to_database(counted)
    except DatabaseError:
        _calls.put_back(counted)
        raise


def add_to_database(calls: CallCounts) -> None:
    """Add counts to the database. Counts of keys revoked in the meantime are dropped."""
    if not calls.counts:
        return
    with transaction.atomic():
        # Locked, so that processes write one after the other.
        keys = Key.objects.select_for_update().filter(pk__in=calls.last).order_by("pk").in_bulk()
        for (key, day), count in calls.counts.items():
            if key in keys:
                _add(key, day, count)
        for key, row in keys.items():
            row.last_used_at = max(calls.last[key], row.last_used_at or calls.last[key])
        Key.objects.bulk_update(keys.values(), ["last_used_at"])


def _add(key: int, day: datetime.date, calls: int) -> None:
    row, is_new = DayOfUse.objects.get_or_create(key_id=key, day=day)
    DayOfUse.objects.filter(pk=row.pk).update(calls=F("calls") + calls)
    if is_new:
        DayOfUse.objects.filter(key=key, day__lte=day - datetime.timedelta(days=DAYS)).delete()


def watch_usage() -> None:
    """Write counts to the database in the background."""
    Poller("usage", write_down, WRITE_INTERVAL).start()


def write_down_if_possible() -> None:
    """Write counts to the database, or log it if the database is unreachable."""
    try:
        write_down()
    except DatabaseError as error:
        logger.warning("calls of keys are written later: %s", error)


@dataclass(frozen=True)
class CallBar:
    """One day in the chart of calls, in chart units."""

    day: datetime.date
    calls: int
    x: float
    y: float
    width: float
    height: float


def calls_by_day(key: Key, today: datetime.date) -> list[CallBar]:
    """Return the calls of a key on each of the last 30 days, the oldest first."""
    counts = dict(key.days_of_use.values_list("day", "calls"))
    days = [today - datetime.timedelta(days=DAYS - 1 - number) for number in range(DAYS)]
    most = max([counts.get(day, 0) for day in days] + [1])
    step = WIDTH / DAYS
    bars = []
    for number, day in enumerate(days):
        calls = counts.get(day, 0)
        height = round(HEIGHT * calls / most, 1)
        bars.append(CallBar(day, calls, round(number * step + 1, 1), HEIGHT - height, round(step - 2, 1), height))
    return bars
