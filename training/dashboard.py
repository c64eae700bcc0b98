"""What staff look at: how much is read, how well, and what became of what people said."""

import datetime
from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.db.models import Avg, Count
from django.db.models.functions import TruncDate
from django.utils import timezone

from recognizer.figures import Cell, confusion_rows
from recognizer.models import Correction, ModelVersion, Prediction, Promotion

from .models import TrainingRun

DAYS = 30
RECENT = 2000
"""Reviewed corrections that the confusions and the accuracies are counted over, the newest ones."""

WIDTH, HEIGHT = 600, 120


@dataclass(frozen=True)
class DayBar:
    """One day in the chart of readings, in its units: a bar of all, and the flagged part of it."""

    day: datetime.date
    readings: int
    flagged: int
    x: float
    width: float
    y: float
    height: float
    flagged_y: float
    flagged_height: float


def readings_by_day(today: datetime.date) -> list[DayBar]:
    """Count the readings of the last 30 days and how many of each day were flagged."""
    first = today - datetime.timedelta(days=DAYS - 1)
    recent = Prediction.objects.sent().since(first).annotate(day=TruncDate("created_at")).order_by()
    made = dict(recent.values_list("day").annotate(Count("pk")))
    flagged = dict(recent.flagged().values_list("day").annotate(Count("pk")))
    most = max([*made.values(), 1])
    bars = []
    for number in range(DAYS):
        day = first + datetime.timedelta(days=number)
        height, part = (HEIGHT * counts.get(day, 0) / most for counts in (made, flagged))
        step = WIDTH / DAYS
        bars.append(
            DayBar(
                day, made.get(day, 0), flagged.get(day, 0), round(number * step + 1, 1), round(step - 2, 1),
                round(HEIGHT - height, 1), round(height, 1), round(HEIGHT - part, 1), round(part, 1),
            )
        )  # fmt: skip
    return bars


@dataclass(frozen=True)
class VersionRecord:
    """How a version fared among reviewed claims. A rejected claim is a reading that was right."""

    name: str
    reviewed: int
    right: int

    @property
    def accuracy(self) -> float:
        return self.right / self.reviewed


def reviewed_corrections() -> list[Correction]:
    decided = Correction.objects.filter(imported=False).exclude(state=Correction.State.PENDING)
    decided = decided.select_related("prediction__model_version")
    return list(decided.order_by("-id")[:RECENT])


def records(reviewed: list[Correction]) -> list[VersionRecord]:
    """Tell for each version how many of its reviewed readings were right, the newest version first."""
    counts: Counter[ModelVersion] = Counter()
    right: Counter[ModelVersion] = Counter()
    for correction in reviewed:
        prediction = correction.prediction
        counts[prediction.model_version] += 1
        agreed = correction.state == Correction.State.REJECTED or correction.text == prediction.text
        right[prediction.model_version] += agreed
    newest_first = sorted(counts, key=lambda version: -version.pk)
    return [VersionRecord(version.name, counts[version], right[version]) for version in newest_first]


def confusions(reviewed: list[Correction]) -> list[list[Cell]]:
    """Count which digits approved claims say were read as which. A row for each truth."""
    matrix = [[0] * 10 for _ in range(10)]
    for correction in reviewed:
        labels = correction.box_labels if correction.state == Correction.State.APPROVED else None
        for label, digit in zip(labels or [], correction.prediction.digits, strict=False):
            if label < 10:
                matrix[label][digit["label"]] += 1
    return confusion_rows(matrix)


def drift(serving: ModelVersion | None) -> dict[str, Any] | None:
    """Compare the mean confidence of the last week's readings with what the version had where it was measured."""
    if serving is None:
        return None
    metrics = serving.card.get("metrics", {})
    # A calibrated network is on average as sure as it is right.
    expected = metrics.get("mean_confidence", metrics.get("test_accuracy"))
    since = timezone.now() - datetime.timedelta(days=7)
    week = Prediction.objects.sent().filter(model_version=serving, created_at__gte=since)
    found = week.aggregate(mean=Avg("confidence"), count=Count("pk"))
    if expected is None or not found["count"]:
        return None
    return found | {"expected": expected, "change": found["mean"] - expected}


def gather_dashboard() -> dict[str, Any]:
    """Gather everything the page shows."""
    reviewed = reviewed_corrections()
    serving = ModelVersion.objects.serving()
    days = readings_by_day(timezone.now().date())
    share = {"readings": sum(day.readings for day in days), "flagged": sum(day.flagged for day in days)}
    return {
        "days": days,
        "chart": {"width": WIDTH, "height": HEIGHT},
        "share": share,
        "flagged_share": share["flagged"] / share["readings"] if share["readings"] else None,
        "pending": Correction.objects.pending().count(),
        "approved": Correction.objects.approved().count(),
        "records": records(reviewed),
        "confusions": confusions(reviewed) if reviewed else [],
        "drift": drift(serving),
        "serving": serving,
        "before": ModelVersion.objects.served_before(),
        "runs": TrainingRun.objects.select_related("champion", "challenger")[:10],
        "promotions": Promotion.objects.select_related("version", "promoted_by")[:10],
    }
