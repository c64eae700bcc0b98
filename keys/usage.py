"""How much keys are used: counted in memory, added to the database every few seconds.

A write for each call would make looking as dear as storing, and on SQLite would let calls wait for each other. A cache
is a process' own unless Redis is there, and may forget. So a process that is killed loses the last seconds' counts,
and one that is asked to stop loses none.
"""

import datetime
import logging
import threading
import time
from collections import Counter
from dataclasses import dataclass

from django.db import DatabaseError, connection, transaction
from django.db.models import F
from django.utils import timezone

from .models import DayOfUse, Key

logger = logging.getLogger(__name__)

WRITE_EVERY = 5.0
DAYS = 30
"""Days that are kept and shown, today among them."""

WIDTH, HEIGHT = 600, 120


class Calls:
    """Calls that this process has answered and not yet written down."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.counts: Counter[tuple[int, datetime.date]] = Counter()
        self.last: dict[int, datetime.datetime] = {}

    def add(self, key: int, at: datetime.datetime) -> None:
        with self.lock:
            self.counts[key, at.date()] += 1
            self.last[key] = at

    def take(self) -> "Calls":
        """Hand over what is counted so far, and start anew."""
        taken = Calls()
        with self.lock:
            taken.counts, self.counts = self.counts, Counter()
            taken.last, self.last = self.last, {}
        return taken

    def put_back(self, taken: "Calls") -> None:
        with self.lock:
            self.counts.update(taken.counts)
            self.last = taken.last | self.last


_calls = Calls()


def count_call(key: Key) -> None:
    """Note a call that came with a key. Asks nothing of the database."""
    _calls.add(key.pk, timezone.now())


def write_down() -> None:
    """Add what this process has counted to the database. Raises DatabaseError, and then keeps it for the next time."""
    taken = _calls.take()
    try:
        add_to_database(taken)
    except DatabaseError:
        _calls.put_back(taken)
        raise


def add_to_database(calls: Calls) -> None:
    """Add counts to those of all processes. Those of keys that are revoked by now are passed over."""
    if not calls.counts:
        return
    with transaction.atomic():
        # Processes that write at once take turns.
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
    """Write counts down in the background as long as this process lives."""
    threading.Thread(target=_watch, name="usage", daemon=True).start()


def _watch() -> None:
    while True:
        time.sleep(WRITE_EVERY)
        write_down_if_possible()
        connection.close()


def write_down_if_possible() -> None:
    """Write counts down, or leave them for the next time where the database is away."""
    try:
        write_down()
    except DatabaseError as error:
        logger.warning("calls of keys are counted later: %s", error)


@dataclass(frozen=True)
class DayBar:
    """One day in the chart of calls, in its units."""

    day: datetime.date
    calls: int
    x: float
    y: float
    width: float
    height: float


def calls_by_day(key: Key, today: datetime.date) -> list[DayBar]:
    """Return the calls of a key on each of the last 30 days, the oldest first."""
    counts = dict(key.days_of_use.values_list("day", "calls"))
    days = [today - datetime.timedelta(days=DAYS - 1 - number) for number in range(DAYS)]
    most = max([counts.get(day, 0) for day in days] + [1])
    step = WIDTH / DAYS
    bars = []
    for number, day in enumerate(days):
        calls = counts.get(day, 0)
        height = round(HEIGHT * calls / most, 1)
        bars.append(DayBar(day, calls, round(number * step + 1, 1), HEIGHT - height, round(step - 2, 1), height))
    return bars
