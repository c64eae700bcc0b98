"""Figures for the dashboard: readings per day, accuracy, and corrections."""

import datetime
import math
from collections import Counter
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

from django.db.models import Avg, Count
from django.db.models.functions import TruncDate
from django.utils import timezone

from recognizer.figures import Cell, confusion_rows
from recognizer.models import Correction, ModelVersion, Prediction, Promotion, Sample

from .models import TrainingRun

DAYS = 30
RECENT = 2000
"""Newest reviewed corrections that confusions and accuracies are counted over."""

WIDTH, HEIGHT = 600, 120


@dataclass(frozen=True)
class ReadingBar:
    """One day in the chart of readings, in chart units: a bar for all, and its flagged part."""

    day: datetime.date
    readings: int
    flagged: int
    x: float
    width: float
    y: float
    height: float
    flagged_y: float
    flagged_height: float


def readings_by_day(today: datetime.date) -> list[ReadingBar]:
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
            ReadingBar(
                day, made.get(day, 0), flagged.get(day, 0), round(number * step + 1, 1), round(step - 2, 1),
                round(HEIGHT - height, 1), round(height, 1), round(HEIGHT - part, 1), round(part, 1),
            )
        )  # fmt: skip
    return bars


@dataclass(frozen=True)
class VersionRecord:
    """A version's reviewed corrections. A rejected correction means that the reading was right."""

    name: str
    reviewed: int
    right: int

    @property
    def accuracy(self) -> float:
        return self.right / self.reviewed


def reviewed_corrections() -> list[Correction]:
    """Return the newest reviewed corrections, the last one of each prediction: a reviewer may have replaced another."""
    decided = Correction.objects.reviewed().filter(imported=False)
    decided = decided.with_prediction().select_related("prediction__model_version")
    last: dict[int, Correction] = {}
    for correction in decided.order_by("-id")[:RECENT]:
        last.setdefault(correction.prediction_id, correction)
    return list(last.values())


def records(reviewed: list[Correction]) -> list[VersionRecord]:
    """Return each version's share of right readings among reviewed ones, newest version first."""
    counts: Counter[ModelVersion] = Counter()
    right: Counter[ModelVersion] = Counter()
    for correction in reviewed:
        prediction = correction.prediction
        counts[prediction.model_version] += 1
        agreed = correction.state == Correction.State.REJECTED or correction.text == prediction.text
        right[prediction.model_version] += agreed
    newest_first = sorted(counts, key=lambda version: -version.pk)
    return [VersionRecord(version.name, counts[version], right[version]) for version in newest_first]


@dataclass(frozen=True)
class SampleRecord:
    """A version's accuracy in the random sample. low, high: its 95 % confidence interval (Wilson)."""

    name: str
    drawn: int
    looked_at: int
    right: int

    @property
    def accuracy(self) -> float:
        return self.right / self.looked_at

    @property
    def low(self) -> float:
        return max(0.0, self._middle - self._half)

    @property
    def high(self) -> float:
        return min(1.0, self._middle + self._half)

    @property
    def _middle(self) -> float:
        return (self.accuracy + Z**2 / (2 * self.looked_at)) / (1 + Z**2 / self.looked_at)

    @property
    def _half(self) -> float:
        spread = self.accuracy * (1 - self.accuracy) / self.looked_at + Z**2 / (4 * self.looked_at**2)
        return Z * math.sqrt(spread) / (1 + Z**2 / self.looked_at)


Z = NormalDist().inv_cdf(0.975)


def sample_records() -> list[SampleRecord]:
    """Return each version's record in the random sample, newest version first."""
    versions = ModelVersion.objects.filter(pk__in=Sample.objects.values("model_version")).values_list("pk", "name")
    drawn = Counter(dict(Sample.objects.order_by().values_list("model_version").annotate(Count("pk"))))
    counts = Sample.objects.answer_counts()
    records = []
    for version, name in versions.order_by("-pk"):
        right, wrong = (counts.get((version, answer), 0) for answer in (True, False))
        if right + wrong:
            records.append(SampleRecord(name, drawn[version], right + wrong, right))
    return records


def confusions(reviewed: list[Correction]) -> list[list[Cell]]:
    """Count the confusions in approved corrections. A row for each truth."""
    matrix = [[0] * 10 for _ in range(10)]
    for correction in reviewed:
        labels = correction.box_labels if correction.state == Correction.State.APPROVED else None
        for label, digit in zip(labels or [], correction.prediction.digits, strict=False):
            if label < 10:
                matrix[label][digit["label"]] += 1
    return confusion_rows(matrix)


def drift(serving: ModelVersion | None) -> dict[str, Any] | None:
    """Compare the mean confidence of the last week with that of the version's evaluation."""
    if serving is None:
        return None
    metrics = serving.card.get("metrics", {})
    # The mean confidence of a calibrated network equals its accuracy.
    expected = metrics.get("mean_confidence", metrics.get("test_accuracy"))
    since = timezone.now() - datetime.timedelta(days=7)
    week = Prediction.objects.sent().filter(model_version=serving, created_at__gte=since)
    week_figures = week.aggregate(mean=Avg("confidence"), count=Count("pk"))
    if expected is None or not week_figures["count"]:
        return None
    return week_figures | {"expected": expected, "change": week_figures["mean"] - expected}


def gather_dashboard() -> dict[str, Any]:
    """Return the page's context."""
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
        "sample_records": sample_records(),
        "records": records(reviewed),
        "confusions": confusions(reviewed) if reviewed else [],
        "drift": drift(serving),
        "serving": serving,
        "before": ModelVersion.objects.served_before(),
        "runs": TrainingRun.objects.select_related("champion", "challenger")[:10],
        "promotions": Promotion.objects.select_related("version", "promoted_by")[:10],
    }
