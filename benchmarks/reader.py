"""Cost of each stage of a reading on one core: milliseconds and memory.

The clock counts this process's CPU time, so that other load on the machine is not measured.
"""

import os
import statistics
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import cv2
from tqdm import tqdm

from recognizer.reading import Reader, load_classifier, open_image, reader

from . import pictures
from .tables import markdown

NETWORK = Path(__file__).parents[1] / "training" / "shipped" / "digits.tflite"


@dataclass(frozen=True)
class Picture:
    """One picture to read, how often, and the target in milliseconds from pixels to reading.

    before: the milliseconds it took on 29 November 2026, to compare with.
    """

    name: str
    data: bytes
    times: int
    target: float
    before: float


@dataclass
class Meter:
    """Adds up the cost of wrapped functions by stage: by a clock, or by peak allocation."""

    read: Callable[[], float]
    reset: Callable[[], None] = lambda: None
    costs: dict[str, float] = field(default_factory=dict)

    def wrapped(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def measured(*args: Any, **kwargs: Any) -> Any:
            self.reset()
            before = self.read()
            try:
                return function(*args, **kwargs)
            finally:
                self.costs[stage] = self.costs.get(stage, 0.0) + self.read() - before

        return measured


def measure() -> str:
    """Measure the shipped network's reader on each picture. Returns a Markdown table."""
    use_one_core()
    subject = Reader(load_classifier(NETWORK.read_bytes(), "litert"))
    table: dict[str, list[str]] = {}
    subjects = [
        Picture("drawn digit", pictures.drawn_digit(), 300, 1.5, 0.75),
        Picture("cheque", pictures.cheque(), 100, 25, 10.34),
        Picture("photo of 12 megapixels", pictures.photo(), 10, 400, 137.43),
    ]
    with tqdm(total=sum(picture.times for picture in subjects), desc="reader", unit="reading") as bar:
        for picture in subjects:
            seconds = costs_by_stage(subject, picture, bar.update)
            memory = memory_by_stage(subject, picture)
            # Pictures that skip a stage have empty cells.
            for stage in [stage for stage in seconds if stage not in table]:
                table[stage] = ["", ""] * subjects.index(picture)
            for stage, cost in seconds.items():
                asked = f"{memory[stage] / 1e6:.2f}" if stage in memory else ""
                table.setdefault(stage, []).extend([f"{1000 * cost:.2f}", asked])
            table.setdefault("target", []).extend([f"≤ {picture.target:g}", ""])
            ratio = 1000 * seconds["from pixels"] / picture.before
            table.setdefault("from pixels, of what it was; must be ≤ 0.75", []).extend([f"{ratio:.2f}", ""])
    heads = ["stage"]
    for picture in subjects:
        heads += [f"{picture.name}, ms", "MB"]
    return markdown(heads, [[stage, *cells] for stage, cells in table.items()])


def use_one_core() -> None:
    """Pin this process, and the threads of its libraries, to one core."""
    cv2.setNumThreads(1)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


@contextmanager
def metered(subject: Reader, meter: Meter) -> Iterator[None]:
    """Wrap each stage's function for the duration of the context."""
    stages: dict[str, tuple[Any, str]] = {
        "open": (reader, "open_image"),
        "page": (reader, "look"),
        "lines": (reader, "find_lines"),
        "cuts": (reader, "cut"),
        "frames": (reader, "segments_of"),
        "classifier": (subject.classifier, "classify"),
        "spotter": (subject.spotter, "spot"),
        "line reader": (subject.line_reader, "spot"),
        "grey reader": (subject.grey_reader, "read"),
        "lattice": (reader, "best_path"),
    }
    with ExitStack() as stack:
        for stage, (holder, name) in stages.items():
            stack.enter_context(mock.patch.object(holder, name, meter.wrapped(stage, getattr(holder, name))))
        yield


def costs_by_stage(subject: Reader, picture: Picture, tick: Callable[[], object]) -> dict[str, float]:
    """Return seconds by stage, medians over the picture's readings. "the rest" is what no stage accounts for."""
    runs: list[dict[str, float]] = []
    page = open_image(picture.data)
    for _ in range(picture.times):
        meter = Meter(time.process_time)
        with metered(subject, meter):
            started = time.process_time()
            subject.read(picture.data)
            whole = time.process_time() - started
        runs.append(meter.costs | {"the rest": whole - sum(meter.costs.values()), "from bytes": whole})
        tick()
    medians = {stage: statistics.median(run[stage] for run in runs) for stage in runs[0]}
    # Separately: wrapping the stages again for each reading would evict the processor's cache.
    from_pixels = []
    for _ in range(picture.times):
        started = time.process_time()
        subject.read_page(page)
        from_pixels.append(time.process_time() - started)
    return medians | {"from pixels": statistics.median(from_pixels)}


def memory_by_stage(subject: Reader, picture: Picture) -> dict[str, float]:
    """Return each stage's peak allocation in bytes, as Python and numpy count it."""
    tracemalloc.start()
    try:
        peak = Meter(lambda: float(tracemalloc.get_traced_memory()[1]), tracemalloc.reset_peak)
        with metered(subject, peak):
            subject.read(picture.data)
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        subject.read(picture.data)
        return peak.costs | {"from bytes": float(tracemalloc.get_traced_memory()[1] - before)}
    finally:
        tracemalloc.stop()
