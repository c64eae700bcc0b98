"""Pieces -> digits: score every run of neighbouring pieces and choose the best way through.

The graph of LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition"
(1998), section V: nodes are seams, an edge is a run of pieces taken as one digit or as none.
"""

from dataclasses import dataclass

import numpy as np

from .classifier import NOT_A_DIGIT, Classifier
from .framing import SIDE, frame
from .segmentation import Line, Pieces, between

LONGEST_RUN = 5
"""Pieces that may make up one digit."""

CUT_COST = 0.12
"""Log-probability a seam pays for each pixel of ink it cuts, in a hand 56 pixels tall."""

JUNK_COST = 5.0
"""Log-probability paid for taking a run of pieces as no digit."""

EVIDENCE_FLOOR = 1e-6


@dataclass(frozen=True)
class Run:
    """Pieces first..last - 1 taken together, their frame and what the classifier says of it."""

    first: int
    last: int
    box: tuple[int, int, int, int]
    frame: np.ndarray
    probabilities: np.ndarray

    @property
    def label(self) -> int:
        return int(self.probabilities[:NOT_A_DIGIT].argmax())


def runs_of(line: Line, pieces: Pieces) -> list[tuple[int, int, tuple[int, int, int, int], np.ndarray]]:
    """List the runs that could be one digit: (first, last, box in the line, frame)."""
    found = []
    width = line.strength.shape[1]
    for first in range(len(pieces)):
        for last in range(first + 1, min(len(pieces), first + LONGEST_RUN) + 1):
            ink = line.strength * between(width, pieces.columns[first], pieces.columns[last])
            solid = ink > 0.3
            columns = np.flatnonzero(solid.any(axis=0))
            if columns.size == 0:
                continue
            rows = np.flatnonzero(solid.any(axis=1))
            box = (int(columns[0]), int(rows[0]), int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1)
            if last > first + 1 and box[2] > 1.7 * line.body:
                break
            found.append((first, last, box, frame(ink)))
    return found


def read_line(line: Line, pieces: Pieces, classifier: Classifier) -> tuple[list[Run], list[Run]]:
    """Choose the best way through a line. Returns the runs that are digits and those passed over as none."""
    candidates = runs_of(line, pieces)
    if not candidates:
        return [], []
    probabilities = classifier.classify(np.stack([c[3] for c in candidates]).reshape(-1, SIDE, SIDE))
    nowhere: tuple[float, Run | None, bool] = (-np.inf, None, False)
    best = [(0.0, None, False), *[nowhere] * len(pieces)]
    for (first, last, box, image), p in zip(candidates, probabilities, strict=True):
        run = Run(first, last, box, image, p)
        start = best[first][0] - CUT_COST * pieces.costs[first] * 56 / max(line.body, 12)
        for score, junk in _scores(run, line):
            if start + score > best[last][0]:
                best[last] = (start + score, run, junk)
    digits: list[Run] = []
    others: list[Run] = []
    node = len(pieces)
    while node > 0:
        _, step, junk = best[node]
        if step is None:
            # No run ends here: its ink was too faint to frame.
            node -= 1
            continue
        (others if junk else digits).append(step)
        node = step.first
    return digits[::-1], others[::-1]


def _scores(run: Run, line: Line) -> list[tuple[float, bool]]:
    p = np.maximum(run.probabilities, EVIDENCE_FLOOR)
    as_digit = float(np.log(p[:NOT_A_DIGIT].max()))
    height, width = run.box[3], run.box[2]
    if height < 0.35 * line.body:
        # A dot fills its frame as well as a digit does; only its size in the line gives it away.
        as_digit -= 4.0
    if max(height, width) < 0.3 * line.body:
        return [(as_digit, False), (-0.2, True)]
    return [(as_digit, False), (float(np.log(p[NOT_A_DIGIT])) - JUNK_COST, True)]
