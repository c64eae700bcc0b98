"""Geometry of the figures on pages: boxes, bars, frames, curves and shades. Knows no HTML."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext

FRAME = 28
Box = tuple[int, int, int, int]
"""x, y, width and height in pixels."""

MIN_SHOWN = 0.005
"""Smallest probability of "not a digit" that gets a bar."""


@dataclass(frozen=True)
class Bar:
    """One label, its probability, and the width of its bar as SVG writes it."""

    label: str
    probability: float
    best: bool = False

    @property
    def width(self) -> str:
        return f"{self.probability:.2%}"


@dataclass(frozen=True)
class DigitFigure:
    """One digit on its page, in pixels of the page: its box, its label beside it, and its frame in the strip."""

    label: int
    confidence: float
    x: int
    y: int
    width: int
    height: int
    label_y: int
    label_size: int
    frame_x: int
    bars: tuple[Bar, ...]


def digit_figures(digits: Sequence[dict[str, Any]], width: int, height: int) -> list[DigitFigure]:
    """Lay out the stored digits of a page of width x height pixels."""
    size = max(3, round(max(width, height) / 28))
    taken: list[Box] = [tuple(digit["box"]) for digit in digits]
    figures = []
    for place, digit in enumerate(digits):
        x, y, box_width, box_height = digit["box"]
        label_y = _label_foot(digit["box"], size, taken, height)
        taken.append((x, label_y - round(0.75 * size), round(0.6 * size), round(0.75 * size)))
        figures.append(
            DigitFigure(
                digit["label"], digit["confidence"], x, y, box_width, box_height,
                label_y, size, FRAME * place, tuple(_bars(digit)),
            )
        )  # fmt: skip
    return figures


def _label_foot(box: Box, size: int, taken: list[Box], height: int) -> int:
    """Place a label above its box, else below it, else inside: where no box and no other label is."""
    x, y, _, box_height = box
    for foot, room in (
        (y - round(0.3 * size), 1.3 * size <= y),
        (y + box_height + size, y + box_height + size <= height),
    ):
        label = (x, foot - round(0.75 * size), round(0.6 * size), round(0.75 * size))
        if room and not any(_meet(label, other) for other in taken):
            return foot
    return y + size


def _meet(one: Box, other: Box) -> bool:
    (x, y, width, height), (left, top, across, down) = one, other
    return x < left + across and left < x + width and y < top + down and top < y + height


def _bars(digit: dict[str, Any]) -> Iterable[Bar]:
    for label, probability in enumerate(digit["probabilities"]):
        yield Bar(str(label), probability, label == digit["label"])
    nothing = 1 - sum(digit["probabilities"])
    if nothing >= MIN_SHOWN:
        yield Bar(gettext("none"), nothing)


def likely_numbers(digits: Sequence[dict[str, Any]], count: int = 3) -> list[str]:
    """Return alternative readings: the least sure digit replaced by the next most probable labels.

    Lines are joined by newlines, as in a reading's text.
    """
    if not digits:
        return []
    doubtful = min(range(len(digits)), key=lambda place: digits[place]["confidence"])
    probabilities = digits[doubtful]["probabilities"]
    others = sorted(set(range(10)) - {digits[doubtful]["label"]}, key=lambda label: -probabilities[label])
    return [_text(digits, doubtful, label) for label in others[:count]]


def _text(digits: Sequence[dict[str, Any]], place: int, label: int) -> str:
    lines: dict[int, str] = {}
    for number, digit in enumerate(digits):
        value = label if number == place else digit["label"]
        lines[digit["line"]] = lines.get(digit["line"], "") + str(value)
    return "\n".join(lines.values())


@dataclass(frozen=True)
class Tick:
    y: float
    label: str


@dataclass(frozen=True)
class Curve:
    name: str
    points: str


@dataclass(frozen=True)
class Chart:
    """Curves over epochs or steps on a logarithmic scale, in a box of width x height with room for the axes."""

    title: str
    curves: tuple[Curve, ...]
    ticks: tuple[Tick, ...]
    unit: str
    first: int
    last: int
    width: int = 320
    height: int = 190
    left: int = 46
    right: int = 312
    top: int = 12
    bottom: int = 164


def learning_charts(history: dict[str, list[float]], steps: int = 0) -> list[Chart]:
    """Draw the loss and the error rate; a chart without numbers is left out.

    The history has a number for each epoch, or, for a training in steps, one for each report.
    """
    wrong = {name: [1 - value for value in _numbers(history.get(name))] for name in ("accuracy", "validation_accuracy")}
    charts = [
        _chart(gettext("Loss"), _numbers(history.get("loss")), _numbers(history.get("validation_loss")), steps),
        _chart(gettext("Share read wrong"), wrong["accuracy"], wrong["validation_accuracy"], steps),
    ]
    return [chart for chart in charts if chart is not None]


def _numbers(values: Any) -> list[float]:
    return [float(value) for value in values or [] if isinstance(value, int | float) and math.isfinite(value)]


def _chart(title: str, training: list[float], validation: list[float], steps: int) -> Chart | None:
    series = {name: values for name, values in (("training", training), ("validation", validation)) if values}
    if not series:
        return None
    floor = 1e-4  # A logarithm has no zero.
    values = [max(value, floor) for run in series.values() for value in run]
    low, high = math.log10(min(values)), math.log10(max(values))
    low, high = low - 0.05, max(high + 0.05, low + 0.3)
    count = max(len(run) for run in series.values())

    def x(place: int) -> float:
        return Chart.left + (Chart.right - Chart.left) * (place / (count - 1) if count > 1 else 0.5)

    def y(value: float) -> float:
        share = (math.log10(max(value, floor)) - low) / (high - low)
        return round(Chart.bottom - share * (Chart.bottom - Chart.top), 1)

    curves = tuple(
        Curve(name, " ".join(f"{x(place):.1f},{y(value):.1f}" for place, value in enumerate(run)))
        for name, run in series.items()
    )
    ticks = tuple(Tick(y(value), number_format(f"{value:g}")) for value in _ticks(low, high))
    if steps:
        return Chart(title, curves, ticks, "step", round(steps / count), steps)
    return Chart(title, curves, ticks, "epoch", 1, count)


def _ticks(low: float, high: float) -> list[float]:
    """Return round values on a logarithmic axis: decades, or 1, 2 and 5 of each decade if there are few."""
    decades = range(math.floor(low), math.ceil(high) + 1)
    fine = [step * 10.0**decade for decade in decades for step in (1, 2, 5)]
    within = [value for value in fine if low <= math.log10(value) <= high]
    coarse = [value for value in within if f"{value:e}".startswith("1.0")]
    return coarse if len(coarse) >= 3 else within


@dataclass(frozen=True)
class Cell:
    """How often a digit was read as a label. shade: 0 (never) to 5 (the most common mistake)."""

    count: int
    right: bool
    shade: int


SHADES = 5


def confusion_rows(confusion: list[list[int]]) -> list[list[Cell]]:
    """Shade a confusion matrix (rows are the truth) by how common each mistake is."""
    mistakes = [count for row, counts in enumerate(confusion) for column, count in enumerate(counts) if row != column]
    most = math.log1p(max(mistakes, default=0)) or 1
    return [
        [
            Cell(count, row == column, 0 if row == column else math.ceil(SHADES * math.log1p(count) / most))
            for column, count in enumerate(counts)
        ]
        for row, counts in enumerate(confusion)
    ]


@dataclass(frozen=True)
class Mistake:
    """A misread test digit, and where its frame starts in the strip of mistakes."""

    truth: int
    read: int
    confidence: float
    frame_x: int


def mistakes_in(card: dict[str, Any]) -> list[Mistake]:
    return [
        Mistake(mistake["truth"], mistake["read"], mistake["confidence"], FRAME * place)
        for place, mistake in enumerate(card.get("mistakes", []))
    ]
