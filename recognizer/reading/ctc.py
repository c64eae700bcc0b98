"""Column log-probabilities -> texts and their log-probabilities.

Connectionist temporal classification (Graves, Fernández, Gomez and Schmidhuber, 2006): an alignment of a text labels
each column with a digit or with blank. Repeated digits and blanks are then removed.
"""

import math

import numpy as np

from .spotter import BLANK

BEAM = 8
"""Prefixes that the beam search keeps."""

MIN_LOG_PROBABILITY = np.log(0.004)
"""The beam search skips digits below this in a column."""

IMPOSSIBLE = -1e9
NEGLIGIBLE = 40.0
"""A probability whose logarithm is lower by more than this adds nothing to another."""

Text = tuple[int, ...]


def score_texts(columns: np.ndarray, texts: list[Text]) -> np.ndarray:
    """Sum over all alignments of each text: log-probabilities float64 (texts,).

    columns: log-probabilities (n, 11).
    """
    longest = max(len(text) for text in texts)
    labels = np.full((len(texts), 2 * longest + 1), BLANK)
    for row, text in enumerate(texts):
        labels[row, 1 : 2 * len(text) : 2] = text
    # Two different digits need no blank between them; two equal ones do.
    skips = np.zeros(labels.shape, bool)
    skips[:, 2:] = (labels[:, 2:] != BLANK) & (labels[:, 2:] != labels[:, :-2])
    emitted = columns.astype(np.float64)[:, labels]
    reached = np.full((len(texts), labels.shape[1] + 2), IMPOSSIBLE)
    reached[:, 2:4] = emitted[0, :, :2]
    for here in emitted[1:]:
        by_skip = np.where(skips, reached[:, :-2], IMPOSSIBLE)
        reached[:, 2:] = np.logaddexp(np.logaddexp(reached[:, 2:], reached[:, 1:-1]), by_skip) + here
    rows, ends = np.arange(len(texts)), np.array([2 * len(text) for text in texts])
    at_digit = np.where(ends > 0, reached[rows, 1 + ends], IMPOSSIBLE)
    return np.asarray(np.logaddexp(reached[rows, 2 + ends], at_digit))


def likely_texts(columns: np.ndarray, count: int) -> list[Text]:
    """List the most likely texts, the best first. columns: log-probabilities (n, 11).

    A prefix beam search (Hannun, Maas, Jurafsky and Ng, 2014): it keeps prefixes of texts, not alignments.
    """
    beam: dict[Text, tuple[float, float]] = {(): (0.0, IMPOSSIBLE)}
    for column in columns.tolist():
        tried = [label for label in range(BLANK) if column[label] > MIN_LOG_PROBABILITY]
        blank = column[BLANK]
        if not tried:
            beam = {text: (_add(*ends) + blank, IMPOSSIBLE) for text, ends in beam.items()}
            continue
        found: dict[Text, tuple[float, float]] = {}
        for text, (in_blank, in_digit) in beam.items():
            either = _add(in_blank, in_digit)
            _reach(found, text, either + blank, IMPOSSIBLE)
            for label in tried:
                likely = column[label]
                if text and text[-1] == label:
                    _reach(found, text, IMPOSSIBLE, in_digit + likely)
                    _reach(found, (*text, label), IMPOSSIBLE, in_blank + likely)
                else:
                    _reach(found, (*text, label), IMPOSSIBLE, either + likely)
        beam = dict(sorted(found.items(), key=lambda item: -_add(*item[1]))[:BEAM])
    return sorted(beam, key=lambda text: -_add(*beam[text]))[:count]


def _reach(found: dict[Text, tuple[float, float]], text: Text, in_blank: float, in_digit: float) -> None:
    before = found.get(text)
    if before is None:
        found[text] = in_blank, in_digit
    else:
        found[text] = _add(before[0], in_blank), _add(before[1], in_digit)


def _add(one: float, other: float) -> float:
    """Add two probabilities given as logarithms."""
    high, low = (one, other) if one > other else (other, one)
    return high if low < high - NEGLIGIBLE else high + math.log1p(math.exp(low - high))
