"""Pieces -> digits: score every segment of neighbouring pieces and choose the most likely text.

The graph of LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition" (1998),
section V: nodes are seams, and an edge is a segment with a label. Two networks score an edge: the classifier sees the
segment alone, the spotter sees the whole line. A third, a CTC network, reads the line without cuts: on photographs the
grey reader, elsewhere the line reader. On photographs, and elsewhere where digits touch, it proposes texts as the
lattice does, and the scores of both decide.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from .classifier import NOT_A_DIGIT
from .ctc import Text, likely_texts, score_texts
from .cuts import Pieces, between
from .framing import extent, frame
from .lines import LINE_HEIGHT, Line
from .spotter import BLANK, BODY, STRIDE

MAX_SEGMENT_PIECES = 5
"""Pieces in one segment."""

MAX_ASPECT = 2.3
"""Width of a digit over its height. Hardly any of MNIST's training images exceeds it."""

CUT_COST = 0.12
"""Subtracted from the log-score for each pixel of ink that a seam cuts, in digits 56 pixels tall."""

JUNK_COST = 4.0
"""Subtracted from the log-score where a segment is taken for no digit."""

MIN_ONE_HEIGHT, SHORT_ONE_COST = 0.75, 2.0
"""A 1 lower than this share of the line's digits loses this much log-score. When a seam cuts the flag off a 1, the flag
looks like a 1, but nobody writes a 1 that small beside the other digits."""

TEMPERATURE = 1.5
"""Scores are divided by this before they become probabilities.

This and the costs were chosen on pages made from MNIST's validation digits and on the development sets of scans and
cheques."""

MIN_CUT_INK = 0.5
"""A seam that crosses more ink than this cuts a stroke: in pixels, in digits 56 pixels tall."""

SPOTTER_WEIGHT = 0.25
"""Weight of the spotter's log-probabilities for which digit a segment is, where no seam cuts a stroke: the classifier
then sees the whole digit and knows better. For whether it is one digit, the spotter counts in full."""

MAX_TEXTS, MAX_LENGTHS = 6, 3
"""How many of the CTC network's best texts become hypotheses, and for how many of their lengths the lattice adds its
own best text."""

MIN_PART_STRENGTH, MIN_PART_HEIGHT = 0.3, 0.4
"""A connected part of this ink strength counts as a digit if it has this share of the digits' height."""

ALONE, LINE, GREY = range(3)
"""What chooses a line's text: the lattice alone, lattice and line reader, or lattice and grey reader.

The line reader does not count where digits stand apart: the classifier sees each digit alone and knows better."""

WEIGHTS = {LINE: 0.71, GREY: 0.53}
"""Weight of both log-probabilities of a text, the lattice's and the CTC network's. Both count the same: on new
handwriting neither is better. `manage.py calibrate` fits WEIGHTS and DOUBTS."""

DOUBTS: dict[int, tuple[float, ...]] = {LINE: (-3.12, -8.82), GREY: (-5.76, -9.34)}
"""Floors under the log-probabilities of the lattice and of the CTC network: how often each is confidently wrong."""

CALIBRATION: tuple[tuple[float, ...], ...] = (
    (0.64, 0.57, 0.0, -1.20),
    (0.64, 0.57, -1.20, 0.0),
    (0.87, -0.87, 0.17, 0.26),
)
"""Logistic calibration of lines with several digits, a row for each of ALONE, LINE and GREY. The log-odds of the text
are multiplied by the first number; the second is added; the third is added where lattice and CTC network differ, the
fourth where the path cuts a stroke. It is needed because the networks' errors are correlated, so the product of their
scores is overconfident. `manage.py calibrate` fits it. The values of ALONE and LINE, here and above, are from a fit
before there was a grey reader: clean pages are to be read as before."""

MAX_SPOTTER_GAIN = 5.0
"""The spotter can raise the probability of a digit that stands alone at most by this factor. The classifier has seen
the same ink, and without a limit a scribble becomes a 1."""

MIN_SPOTTER_SCORE = -12.0
"""A segment of several pieces is dropped where the spotter's log-probabilities of one digit and of none are all below
this: the spotter sees two digits."""

MIN_PROBABILITY = 1e-6


@dataclass(frozen=True)
class Segment:
    """Pieces first..last - 1 taken together: their box in the line and their frame, float32 (28, 28).

    spotter_scores: the spotter's log-probabilities (11,) of each digit and of none; None where it did not run.
    """

    first: int
    last: int
    box: tuple[int, int, int, int]
    frame: np.ndarray
    spotter_scores: np.ndarray | None = None


@dataclass(frozen=True)
class Edge:
    """A segment on the chosen path with its label, 10 for "not a digit", and its probabilities (11,)."""

    segment: Segment
    label: int
    probabilities: np.ndarray


@dataclass(frozen=True)
class Hypotheses:
    """The n-best texts of a line, the lattice's own first, with their scores.

    scores: log-probabilities (texts, 2): by the lattice, among all its paths, and by the CTC network, among these
    texts. The first is minus infinity for a text without a path in the lattice. The second is 0 where no CTC network
    ran, and `rescored` is false.
    chosen_by: ALONE, LINE or GREY.
    """

    texts: list[Text]
    scores: np.ndarray
    chosen_by: int = ALONE
    rescored: bool = True

    @property
    def probabilities(self) -> np.ndarray:
        """Combine both scores, where both count, into probabilities of the texts: float64 (texts,)."""
        return _softmax(WEIGHTS[self.chosen_by] * np.logaddexp(self.scores, DOUBTS[self.chosen_by]).sum(axis=1))

    @property
    def chosen(self) -> int:
        """Index of the most likely text that has a path in the lattice; of the lattice's own where it chooses alone."""
        if not self.chosen_by:
            return 0
        # A text without a path has no digits to show.
        return int(np.where(np.isfinite(self.scores[:, 0]), self.probabilities, 0).argmax())

    @property
    def lattice_text(self) -> Text:
        return self.texts[0]

    @property
    def ctc_text(self) -> Text | None:
        """The CTC network's most likely text, None where none ran."""
        return self.texts[int(self.scores[:, 1].argmax())] if self.rescored else None

    @property
    def differ(self) -> bool:
        """Whether lattice and CTC network prefer different texts."""
        return self.rescored and self.ctc_text != self.lattice_text


@dataclass(frozen=True)
class Path:
    """The best path for the chosen text: its digits in order, and its edges that are no digit.

    likelihood: probability of the text among all paths of the lattice.
    """

    digits: list[Edge]
    others: list[Edge]
    likelihood: float
    cuts_ink: bool
    hypotheses: Hypotheses

    @property
    def evidence(self) -> np.ndarray:
        """Features of the calibration of several digits, in the order of CALIBRATION: float64 (4,)."""
        likely = self._share if self.hypotheses.chosen_by else self.likelihood
        return np.array([log_odds(likely), 1.0, self.hypotheses.differ, self.cuts_ink])

    @property
    def _share(self) -> float:
        """Probability of the chosen text among the hypotheses."""
        return float(self.hypotheses.probabilities[self.hypotheses.chosen])

    @property
    def confidence(self) -> float:
        """The calibrated probability that the text is right."""
        if len(self.digits) < 2:
            return self.likelihood * (self._share if self.hypotheses.chosen_by else 1.0)
        return float(1 / (1 + np.exp(-(self.evidence @ CALIBRATION[self.hypotheses.chosen_by]))))


def segments_of(line: Line, pieces: Pieces, spotted: np.ndarray | None = None) -> list[Segment]:
    """List the segments that could be one digit, and each piece by itself.

    spotted: the spotter's log-probabilities for the line, float32 (columns, 11). Segments in which it sees more than
    one digit are left out.
    """
    if len(pieces) == 1 and spotted is None:
        box = extent(line.strength, 0.3)
        return [Segment(0, 1, box, frame(line.strength))] if box[2] else []
    found = []
    lefts, rights = pieces.columns.min(axis=1), pieces.columns.max(axis=1)
    spotter_scores = _spotter_scores(line, pieces, spotted) if spotted is not None else {}
    for first in range(len(pieces)):
        left = int(lefts[first])
        for last in range(first + 1, _last_end(first, pieces) + 1):
            scores = spotter_scores.get((first, last))
            if scores is not None and last > first + 1 and scores.max() < MIN_SPOTTER_SCORE:
                continue
            strength = line.strength[:, left : int(rights[last])]
            seams = pieces.columns[first] - left, pieces.columns[last] - left
            ink = strength * between(strength.shape[1], *seams)
            x, y, width, height = extent(ink, 0.3)
            if not width:
                continue
            if last > first + 1 and width > MAX_ASPECT * line.body:
                break
            found.append(Segment(first, last, (left + x, y, width, height), frame(ink), scores))
    return found


def _last_end(first: int, pieces: Pieces) -> int:
    return min(len(pieces), first + MAX_SEGMENT_PIECES)


def best_path(
    line: Line,
    pieces: Pieces,
    segments: list[Segment],
    probabilities: np.ndarray,
    columns: np.ndarray | None = None,
    grey: bool = False,
) -> Path:
    """Choose the best path through a line.

    probabilities: the classifier's, float32 (segments, 11). columns: the CTC network's log-probabilities, float32
    (n, 11); without them the lattice chooses alone. grey: whether they are the grey reader's.
    """
    if len(pieces) == 1 and columns is None and segments[0].spotter_scores is None:
        return _path_of_one(line, segments[0], probabilities[0])
    scores = np.stack([_classifier_scores(each, line, p) for each, p in zip(segments, probabilities, strict=True)])
    costs = _cut_costs(line, pieces)
    for segment, score in zip(segments, scores, strict=True):
        if segment.spotter_scores is not None:
            score += segment.spotter_scores
        score -= CUT_COST * costs[segment.first]
    graph = _Graph(len(pieces), segments)
    edges = graph.best(scores)
    scores /= TEMPERATURE
    own = tuple(label for _, label in edges if label != NOT_A_DIGIT)
    hypotheses = _hypotheses(graph, scores, own, line, columns, grey)
    chosen = hypotheses.chosen
    if chosen:
        edges = graph.best_for_text(scores, hypotheses.texts[chosen])
    found = [edge for edge in edges if edge[1] != NOT_A_DIGIT]
    likelihood = float(np.exp(min(0.0, hypotheses.scores[chosen, 0])))
    if len(found) == 1 and segments[found[0][0]].spotter_scores is not None:
        likelihood = min(likelihood, MAX_SPOTTER_GAIN * float(probabilities[found[0]]))
    path = [Edge(segments[index], label, _softmax(scores[index])) for index, label in edges]
    digits = [edge for edge in path if edge.label != NOT_A_DIGIT]
    if hypotheses.chosen_by:
        digits = [_averaged(edge, place, hypotheses, len(digits)) for place, edge in enumerate(digits)]
    return Path(
        digits,
        [edge for edge in path if edge.label == NOT_A_DIGIT],
        likelihood,
        any(costs[segments[index].first] > MIN_CUT_INK for index, _ in edges),
        hypotheses,
    )


def _path_of_one(line: Line, segment: Segment, probabilities: np.ndarray) -> Path:
    """Return the path through a line of one segment: what `best_path` finds for it, without a graph."""
    scores = _classifier_scores(segment, line, probabilities)
    label = int(scores.argmax())
    scores /= TEMPERATURE
    score = scores[label] - np.logaddexp.reduce(scores)
    edge = Edge(segment, label, _softmax(scores))
    digits, others, text = ([edge], [], (label,)) if label != NOT_A_DIGIT else ([], [edge], ())
    hypotheses = Hypotheses([text], np.array([[score, 0.0]]), rescored=False)
    return Path(digits, others, float(np.exp(min(0.0, score))), False, hypotheses)


def _hypotheses(
    graph: "_Graph", scores: np.ndarray, own: Text, line: Line, columns: np.ndarray | None, grey: bool
) -> Hypotheses:
    """Collect the texts of lattice and CTC network and score each by both.

    Besides its best text, the lattice adds its best text of each length that the CTC network's best texts have.
    """
    total = graph.total(scores)
    if columns is None:
        return Hypotheses([own], np.array([[graph.text_scores(scores, [own])[0] - total, 0.0]]), rescored=False)
    read = likely_texts(columns, MAX_TEXTS)
    lengths = {len(text) for text in read[:MAX_LENGTHS]}
    texts = list(dict.fromkeys([own, *read, *graph.best_texts(scores, max(lengths))]))
    texts = [text for text in texts if text in (own, *read) or len(text) in lengths]
    by_lattice = graph.text_scores(scores, texts) - total
    by_network = score_texts(columns, texts)
    scored = np.stack([by_lattice, by_network - np.logaddexp.reduce(by_network)], axis=1)
    # With fewer connected parts of ink than digits, some digits touch.
    touching = not grey and _count_parts(line) < len(read[0])
    return Hypotheses(texts, scored, GREY if grey else LINE if touching else ALONE)


def _count_parts(line: Line) -> int:
    """Count the connected parts of ink that are as tall as digits."""
    mask = (line.strength > MIN_PART_STRENGTH).view(np.uint8)
    stats = cv2.connectedComponentsWithStats(mask, connectivity=8)[2]
    return int(np.count_nonzero(stats[1:, cv2.CC_STAT_HEIGHT] >= MIN_PART_HEIGHT * line.body))


def _averaged(edge: Edge, place: int, hypotheses: Hypotheses, length: int) -> Edge:
    """Average a digit's probabilities with those of its place in the hypotheses that have the chosen length."""
    by_texts = np.zeros(BLANK + 1)
    for text, probability in zip(hypotheses.texts, hypotheses.probabilities, strict=True):
        if len(text) == length:
            by_texts[text[place]] += probability
    return replace(edge, probabilities=(edge.probabilities + by_texts / by_texts.sum()) / 2)


def log_odds(probability: float) -> float:
    """Return the log-odds of a probability, clipped to one in a million so that they are finite."""
    clipped = min(max(probability, MIN_PROBABILITY), 1 - MIN_PROBABILITY)
    return float(np.log(clipped / (1 - clipped)))


def _classifier_scores(segment: Segment, line: Line, probabilities: np.ndarray) -> np.ndarray:
    """Log-scores (11,) of a segment by itself: as each digit, and as none."""
    scores = np.asarray(np.log(np.maximum(probabilities, MIN_PROBABILITY)), np.float64)
    height, width = segment.box[3], segment.box[2]
    if height < 0.35 * line.body:
        # A dot fills its frame as a digit does; only its size in the line shows what it is.
        scores[:NOT_A_DIGIT] -= 4.0
    if height < MIN_ONE_HEIGHT * line.body:
        scores[1] -= SHORT_ONE_COST
    if width > MAX_ASPECT * line.body:
        # A scribble squeezed into a frame looks like a digit.
        scores[:NOT_A_DIGIT] -= 20.0
    if max(height, width) < 0.3 * line.body:
        scores[NOT_A_DIGIT] = -0.2
    else:
        scores[NOT_A_DIGIT] -= JUNK_COST
    return scores


def _cut_costs(line: Line, pieces: Pieces) -> np.ndarray:
    """Pixels of ink that each seam cuts, in digits 56 pixels tall."""
    return pieces.costs * LINE_HEIGHT / max(line.body, 12)


def _spotter_scores(line: Line, pieces: Pieces, spotted: np.ndarray) -> dict[tuple[int, int], np.ndarray]:
    """Log-probabilities (11,) that the columns of pieces first..last - 1 hold each digit once, or no digit.

    The CTC score of a text of one label: blank columns, columns of the digit, blank columns, summed over all such
    alignments (Graves et al., "Connectionist temporal classification", 2006).
    """
    spans = [(first, last) for first in range(len(pieces)) for last in range(first + 1, _last_end(first, pieces) + 1)]
    clips = _cut_costs(line, pieces) > MIN_CUT_INK
    middle = int(np.clip(round(line.middle), 0, pieces.columns.shape[1] - 1))
    bounds = np.clip(np.round(pieces.columns[:, middle] * BODY / max(line.body, 4.0) / STRIDE), 0, len(spotted))
    bounds = bounds.astype(int)
    bounds[-1] = len(spotted)
    blank = np.concatenate([[0.0], np.cumsum(spotted[:, BLANK], dtype=np.float64)])
    # Log-odds of each digit against blank, summed from the line's start.
    gain = np.cumsum(spotted[:, :BLANK].astype(np.float64) - spotted[:, BLANK:], axis=0)
    gain = np.concatenate([np.zeros((1, BLANK)), gain])
    scores = np.empty((len(spans), BLANK + 1))
    for row, (first, last) in enumerate(spans):
        start, end = bounds[first], bounds[last]
        none = blank[end] - blank[start]
        scores[row, BLANK] = none
        if end == start:
            scores[row, :BLANK] = np.log(MIN_PROBABILITY)
            continue
        inside = gain[start : end + 1]
        before = np.logaddexp.accumulate(-inside[:-1], axis=0)
        one_digit = none + np.logaddexp.reduce(inside[1:] + before, axis=0)
        if not (clips[first] or clips[last]):
            any_digit = np.logaddexp.reduce(one_digit)
            one_digit = any_digit + SPOTTER_WEIGHT * (one_digit - any_digit)
        scores[row, :BLANK] = one_digit
    return dict(zip(spans, scores, strict=True))


def _softmax(scores: np.ndarray) -> np.ndarray:
    weights = np.exp(scores - scores.max())
    return np.asarray(weights / weights.sum())


class _Graph:
    """Seams as nodes, segments as edges. A piece whose ink is too faint to frame is skipped at no cost."""

    def __init__(self, pieces: int, segments: list[Segment]) -> None:
        self.pieces = pieces
        self.segments = segments
        self.starting: list[list[int]] = [[] for _ in range(pieces)]
        for index, segment in enumerate(segments):
            self.starting[segment.first].append(index)
        single = {segment.first for segment in segments if segment.last == segment.first + 1}
        self.faint = [piece not in single for piece in range(pieces)]

    def best(self, scores: np.ndarray) -> list[tuple[int, int]]:
        """Find the best path for scores (segments, 11): the index and the label of each segment on it."""
        labels, values = scores.argmax(axis=1), scores.max(axis=1)
        best = np.full(self.pieces + 1, -np.inf)
        best[0] = 0.0
        came = [-1] * (self.pieces + 1)
        for node in range(self.pieces):
            if self.faint[node] and best[node] > best[node + 1]:
                best[node + 1], came[node + 1] = best[node], -1
            for index in self.starting[node]:
                last, score = self.segments[index].last, best[node] + values[index]
                if score > best[last]:
                    best[last], came[last] = score, index
        edges = []
        node = self.pieces
        while node > 0:
            index = came[node]
            if index >= 0:
                edges.append((index, int(labels[index])))
            node = self.segments[index].first if index >= 0 else node - 1
        return edges[::-1]

    def best_for_text(self, scores: np.ndarray, text: Text) -> list[tuple[int, int]]:
        """Find the best path with a text, as `best`. There must be one."""
        best = np.full((self.pieces + 1, len(text) + 1), -np.inf)
        best[0, 0] = 0.0
        # For each seam and count of digits before it: the last segment and its label.
        came: dict[tuple[int, int], tuple[int, int]] = {}
        for node in range(self.pieces):
            for done in np.flatnonzero(best[node] > -np.inf).tolist():
                here = best[node, done]
                if self.faint[node] and here > best[node + 1, done]:
                    best[node + 1, done] = here
                    came.pop((node + 1, done), None)
                for index in self.starting[node]:
                    last = self.segments[index].last
                    labels = (NOT_A_DIGIT, text[done]) if done < len(text) else (NOT_A_DIGIT,)
                    for label in labels:
                        after = done + (label != NOT_A_DIGIT)
                        if here + scores[index, label] > best[last, after]:
                            best[last, after] = here + scores[index, label]
                            came[last, after] = index, label
        edges = []
        node, done = self.pieces, len(text)
        while node > 0:
            edge = came.get((node, done))
            if edge is None:
                node -= 1
                continue
            edges.append(edge)
            node, done = self.segments[edge[0]].first, done - (edge[1] != NOT_A_DIGIT)
        return edges[::-1]

    def total(self, scores: np.ndarray) -> float:
        """Log-sum the scores of all paths, whatever their text."""
        return float(self._sums(np.empty((len(scores), 1, 0)), np.logaddexp.reduce(scores, axis=1))[0, 0])

    def text_scores(self, scores: np.ndarray, texts: list[Text]) -> np.ndarray:
        """Log-sum the scores of all paths with each text: float64 (texts,)."""
        digits = np.zeros((len(texts), max(len(text) for text in texts)), int)
        for row, text in enumerate(texts):
            digits[row, : len(text)] = text
        sums = self._sums(scores[:, digits], scores[:, NOT_A_DIGIT])
        return sums[np.arange(len(texts)), [len(text) for text in texts]]

    def best_texts(self, scores: np.ndarray, longest: int) -> list[Text]:
        """Find the text of the best path for each number of digits from 1 to `longest`, where there is one."""
        digits, none = scores[:, :NOT_A_DIGIT], scores[:, NOT_A_DIGIT].tolist()
        labels, values = digits.argmax(axis=1).tolist(), digits.max(axis=1).tolist()
        # For each seam, by the number of digits before it.
        best: list[dict[int, tuple[float, Text]]] = [{} for _ in range(self.pieces + 1)]
        best[0][0] = 0.0, ()
        for node in range(self.pieces):
            for count, (here, text) in sorted(best[node].items()):
                onward = [(node + 1, count, here, text)] if self.faint[node] else []
                for index in self.starting[node]:
                    last = self.segments[index].last
                    onward.append((last, count, here + none[index], text))
                    if count < longest:
                        onward.append((last, count + 1, here + values[index], (*text, labels[index])))
                for last, many, score, longer in onward:
                    if many not in best[last] or score > best[last][many][0]:
                        best[last][many] = score, longer
        return [text for count, (_, text) in sorted(best[self.pieces].items()) if count]

    def _sums(self, digit_scores: np.ndarray, none_scores: np.ndarray) -> np.ndarray:
        """Log-sum the paths through the digits of texts in order: float64 (texts, digits + 1), by how many are passed.

        digit_scores: each segment as each digit of each text, (segments, texts, digits). none_scores: as none,
        (segments,).
        """
        _, texts, digits = digit_scores.shape
        sums = np.full((self.pieces + 1, texts, digits + 1), -np.inf)
        sums[0, :, 0] = 0.0
        for node in range(self.pieces):
            here = sums[node]
            if self.faint[node]:
                sums[node + 1] = np.logaddexp(sums[node + 1], here)
            for index in self.starting[node]:
                there = sums[self.segments[index].last]
                np.logaddexp(there, here + none_scores[index], out=there)
                np.logaddexp(there[:, 1:], here[:, :-1] + digit_scores[index], out=there[:, 1:])
        return np.asarray(sums[-1])
