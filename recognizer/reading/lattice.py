"""Pieces -> digits: score every run of neighbouring pieces and choose the best way through.

The graph of LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition"
(1998), section V: nodes are seams, an edge is a run of pieces taken as one digit or as none. Two witnesses score an
edge: the classifier, which sees the run alone, and the spotter, which sees the whole line.
"""

from dataclasses import dataclass

import numpy as np

from .classifier import NOT_A_DIGIT
from .framing import extent, frame
from .segmentation import Line, Pieces, between
from .spotter import BLANK, BODY, STRIDE

LONGEST_RUN = 5
"""Pieces that may make up one digit."""

WIDEST = 2.3
"""A digit is at most this many times as wide as it is high: hardly any of MNIST's training images is wider."""

CUT_COST = 0.12
"""Log-probability a seam pays for each pixel of ink it cuts, in a hand 56 pixels tall."""

JUNK_COST = 4.0
"""Log-probability paid for taking a run of pieces as no digit."""

SHORT, SHORT_COST = 0.75, 2.0
"""Log-probability paid for a 1 lower than this share of the line: a flag that a seam takes from its stem looks like a
1, but nobody writes one so small beside the rest."""

TEMPERATURE = 1.5
"""Scores are divided by this before they become a confidence.

This and the costs were chosen on pages made from MNIST's validation digits, with an eye on the development
sets of scans and cheques."""

CUTS_INK = 0.5
"""A seam cuts ink where it goes through more of it than this, in pixels in a hand 56 pixels tall."""

WHICH = 0.25
"""How much of the spotter's word counts on which digit a run is that no seam clips: the classifier, which sees all of
it and nothing else, knows better. On whether it is one digit its whole word counts."""

CANDOUR = (0.64, 0.57, -1.20)
"""The log-odds of a string of several digits are taken times the first, plus the second, plus the third where its way
cuts ink: two witnesses of the same ink know less together than the product of their words says. `manage.py calibrate`
fits it."""

AT_MOST = 5.0
"""Of a digit that stands alone the classifier has seen all that the spotter has, whose word makes it at most so many
times as likely: or else a scribble is a 1."""

UNSEEN = -12.0
"""A run of several pieces that the spotter takes for one digit, and for none, less likely than this is not weighed: it
sees two. As a log-probability."""

EVIDENCE_FLOOR = 1e-6


@dataclass(frozen=True)
class Run:
    """Pieces first..last - 1 taken together: their box in the line and their frame, float32 (28, 28).

    seen: the spotter's log-probabilities (11,) that they are each digit, or none; None where it was not asked.
    """

    first: int
    last: int
    box: tuple[int, int, int, int]
    frame: np.ndarray
    seen: np.ndarray | None = None


@dataclass(frozen=True)
class Step:
    """A run on the chosen way: the digit it is taken for, or 10 for none, and probabilities (11,)."""

    run: Run
    label: int
    probabilities: np.ndarray


@dataclass(frozen=True)
class Way:
    """The best way through a line: its digits in order, what was passed over, and how likely the witnesses make it."""

    digits: list[Step]
    others: list[Step]
    likelihood: float
    cuts_ink: bool

    @property
    def confidence(self) -> float:
        """How often such ways are right."""
        if len(self.digits) < 2:
            return self.likelihood
        slope, always, cut = CANDOUR
        return float(1 / (1 + np.exp(-(slope * log_odds(self.likelihood) + always + cut * self.cuts_ink))))


def runs_of(line: Line, pieces: Pieces, spotted: np.ndarray | None = None) -> list[Run]:
    """List the runs that could be one digit, and each piece by itself.

    spotted: the spotter's log-probabilities for the line, float32 (columns, 11); runs in which it sees more than one
    digit are left out.
    """
    found = []
    lefts, rights = pieces.columns.min(axis=1), pieces.columns.max(axis=1)
    seen = _seen(line, pieces, spotted) if spotted is not None else {}
    for first in range(len(pieces)):
        left = int(lefts[first])
        for last in range(first + 1, _furthest(first, pieces) + 1):
            likely = seen.get((first, last))
            if likely is not None and last > first + 1 and likely.max() < UNSEEN:
                continue
            strength = line.strength[:, left : int(rights[last])]
            seams = pieces.columns[first] - left, pieces.columns[last] - left
            ink = strength * between(strength.shape[1], *seams)
            x, y, width, height = extent(ink, 0.3)
            if not width:
                continue
            if last > first + 1 and width > WIDEST * line.body:
                break
            found.append(Run(first, last, (left + x, y, width, height), frame(ink), likely))
    return found


def _furthest(first: int, pieces: Pieces) -> int:
    return min(len(pieces), first + LONGEST_RUN)


def best_way(line: Line, pieces: Pieces, runs: list[Run], probabilities: np.ndarray) -> Way:
    """Choose the best way through a line. probabilities: the classifier's, float32 (runs, 11)."""
    scores = np.stack([_alone(run, line, p) for run, p in zip(runs, probabilities, strict=True)])
    costs = _costs(line, pieces)
    for run, score in zip(runs, scores, strict=True):
        if run.seen is not None:
            score += run.seen
        score -= CUT_COST * costs[run.first]
    graph = _Graph(len(pieces), runs)
    steps = graph.best(scores)
    found = [step for step in steps if step[1] != NOT_A_DIGIT]
    text = [label for _, label in found]
    scores /= TEMPERATURE
    spelt, all_ways = graph.spelling(scores, text), graph.total(scores)
    likelihood = float(np.exp(min(0.0, spelt - all_ways)))
    if len(found) == 1 and runs[found[0][0]].seen is not None:
        likelihood = min(likelihood, AT_MOST * float(probabilities[found[0]]))
    chosen = [Step(runs[index], label, _softmax(scores[index])) for index, label in steps]
    return Way(
        [step for step in chosen if step.label != NOT_A_DIGIT],
        [step for step in chosen if step.label == NOT_A_DIGIT],
        likelihood,
        any(costs[runs[index].first] > CUTS_INK for index, _ in steps),
    )


def log_odds(likelihood: float) -> float:
    """Return the log-odds of a likelihood, which are finite: at most those of a million to one."""
    likely = min(max(likelihood, EVIDENCE_FLOOR), 1 - EVIDENCE_FLOOR)
    return float(np.log(likely / (1 - likely)))


def _alone(run: Run, line: Line, probabilities: np.ndarray) -> np.ndarray:
    """Log-scores (11,) of a run seen by itself: as each digit, and as none."""
    scores = np.asarray(np.log(np.maximum(probabilities, EVIDENCE_FLOOR)), np.float64)
    height, width = run.box[3], run.box[2]
    if height < 0.35 * line.body:
        # A dot fills its frame as well as a digit does; only its size in the line gives it away.
        scores[:NOT_A_DIGIT] -= 4.0
    if height < SHORT * line.body:
        scores[1] -= SHORT_COST
    if width > WIDEST * line.body:
        # A scribble fills its frame as well as a digit does, and looks like one when it is squeezed.
        scores[:NOT_A_DIGIT] -= 20.0
    if max(height, width) < 0.3 * line.body:
        scores[NOT_A_DIGIT] = -0.2
    else:
        scores[NOT_A_DIGIT] -= JUNK_COST
    return scores


def _costs(line: Line, pieces: Pieces) -> np.ndarray:
    """Pixels of ink that each seam cuts, in a hand 56 pixels tall."""
    return pieces.costs * 56 / max(line.body, 12)


def _seen(line: Line, pieces: Pieces, spotted: np.ndarray) -> dict[tuple[int, int], np.ndarray]:
    """Log-probabilities (11,) that the columns under pieces first..last - 1 spell each digit once, or nothing.

    A digit is spelt by columns of blank, then of it, then of blank: the alignments of connectionist temporal
    classification (Graves et al., 2006) for one label, summed.
    """
    spans = [(first, last) for first in range(len(pieces)) for last in range(first + 1, _furthest(first, pieces) + 1)]
    clips = _costs(line, pieces) > CUTS_INK
    middle = int(np.clip(round(line.middle), 0, pieces.columns.shape[1] - 1))
    bounds = np.clip(np.round(pieces.columns[:, middle] * BODY / max(line.body, 4.0) / STRIDE), 0, len(spotted))
    bounds = bounds.astype(int)
    bounds[-1] = len(spotted)
    blank = np.concatenate([[0.0], np.cumsum(spotted[:, BLANK], dtype=np.float64)])
    # How much likelier each digit's columns are than blank ones, summed from the line's start.
    gain = np.cumsum(spotted[:, :BLANK].astype(np.float64) - spotted[:, BLANK:], axis=0)
    gain = np.concatenate([np.zeros((1, BLANK)), gain])
    scores = np.empty((len(spans), BLANK + 1))
    for row, (first, last) in enumerate(spans):
        start, end = bounds[first], bounds[last]
        none = blank[end] - blank[start]
        scores[row, BLANK] = none
        if end == start:
            scores[row, :BLANK] = np.log(EVIDENCE_FLOOR)
            continue
        inside = gain[start : end + 1]
        before = np.logaddexp.accumulate(-inside[:-1], axis=0)
        spelt = none + np.logaddexp.reduce(inside[1:] + before, axis=0)
        if not (clips[first] or clips[last]):
            any_digit = np.logaddexp.reduce(spelt)
            spelt = any_digit + WHICH * (spelt - any_digit)
        scores[row, :BLANK] = spelt
    return dict(zip(spans, scores, strict=True))


def _softmax(scores: np.ndarray) -> np.ndarray:
    weights = np.exp(scores - scores.max())
    return np.asarray(weights / weights.sum())


class _Graph:
    """Seams as nodes, runs as edges; a piece whose ink is too faint to frame is stepped over for nothing."""

    def __init__(self, pieces: int, runs: list[Run]) -> None:
        self.pieces = pieces
        self.runs = runs
        self.starting: list[list[int]] = [[] for _ in range(pieces)]
        for index, run in enumerate(runs):
            self.starting[run.first].append(index)
        single = {run.first for run in runs if run.last == run.first + 1}
        self.faint = [piece not in single for piece in range(pieces)]

    def best(self, scores: np.ndarray) -> list[tuple[int, int]]:
        """Find the best way for scores (runs, 11): the index of each run on it and the label it is taken for."""
        labels, values = scores.argmax(axis=1), scores.max(axis=1)
        best = np.full(self.pieces + 1, -np.inf)
        best[0] = 0.0
        came = [-1] * (self.pieces + 1)
        for node in range(self.pieces):
            if self.faint[node] and best[node] > best[node + 1]:
                best[node + 1], came[node + 1] = best[node], -1
            for index in self.starting[node]:
                last, score = self.runs[index].last, best[node] + values[index]
                if score > best[last]:
                    best[last], came[last] = score, index
        steps = []
        node = self.pieces
        while node > 0:
            index = came[node]
            if index >= 0:
                steps.append((index, int(labels[index])))
            node = self.runs[index].first if index >= 0 else node - 1
        return steps[::-1]

    def total(self, scores: np.ndarray) -> float:
        """Sum the likelihood of all ways, whatever they spell."""
        return self._sum(np.empty((len(scores), 0)), np.logaddexp.reduce(scores, axis=1))

    def spelling(self, scores: np.ndarray, text: list[int]) -> float:
        """Sum the likelihood of all ways that spell a text."""
        return self._sum(scores[:, text], scores[:, NOT_A_DIGIT])

    def _sum(self, advance: np.ndarray, stay: np.ndarray) -> float:
        """Sum over ways that advance through a text: advance (runs, letters) scores its letters, stay (runs,) none."""
        sums = np.full((self.pieces + 1, advance.shape[1] + 1), -np.inf)
        sums[0, 0] = 0.0
        for node in range(self.pieces):
            here = sums[node]
            if self.faint[node]:
                sums[node + 1] = np.logaddexp(sums[node + 1], here)
            for index in self.starting[node]:
                there = sums[self.runs[index].last]
                np.logaddexp(there, here + stay[index], out=there)
                np.logaddexp(there[1:], here[:-1] + advance[index], out=there[1:])
        return float(sums[-1, -1])
