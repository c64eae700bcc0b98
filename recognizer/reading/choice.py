"""Several readings of one page -> the probability that each is right."""

from collections.abc import Sequence

import numpy as np

VARIANTS = 3
"""A page is read from the ink in handwriting, from the ink on paper, and from all ink."""

CONFIDENCE, CERTAINTY, BIAS = slice(0, VARIANTS), slice(VARIANTS, 2 * VARIANTS), slice(2 * VARIANTS, 3 * VARIANTS)
AGREED, RIVAL = 3 * VARIANTS, 3 * VARIANTS + 1
FEATURES = 3 * VARIANTS + 2

CHOICE = (0.79, 0.81, 0.67, 0.37, 0.01, -0.15, -0.96, -0.69, -1.29, 0.61, -0.26)
"""Weights of the features, in log-odds. One for each variant: its reading's confidence, the page network's certainty in
tenths, and a constant. Then one each: how many other variants read the same, and the highest confidence of one that
reads something else. Fitted on synthetic pages by writers 25 to 27 of the pen data; `manage.py calibrate` prints it."""

MIN_PROBABILITY = 0.002
"""Probabilities are clipped to this and to 1 minus this before their log-odds are taken."""

NO_TEXT = 0.3
"""How much a reading without text counts for "no number", beside the confidences of readings with text."""


def features(texts: Sequence[str], confidences: Sequence[float], certainty: float) -> np.ndarray:
    """Compute the features of a page's readings, one for each variant: float64 (VARIANTS, FEATURES).

    certainty: the page network's.
    """
    odds = log_odds(np.array(confidences))
    found = np.zeros((VARIANTS, FEATURES))
    for variant, text in enumerate(texts):
        others = [other for other in range(VARIANTS) if other != variant and texts[other]]
        found[variant, CONFIDENCE][variant] = odds[variant]
        found[variant, CERTAINTY][variant] = 10 * (certainty - 1)
        found[variant, BIAS][variant] = 1
        found[variant, AGREED] = sum(texts[other] == text for other in others)
        found[variant, RIVAL] = max(
            (odds[other] for other in others if texts[other] != text), default=log_odds(np.array(0.0))
        )
    return found


def probabilities(texts: Sequence[str], confidences: Sequence[float], certainty: float) -> np.ndarray:
    """Estimate the probability that each reading of a page is right: float64 (VARIANTS,), 0.0 where it has no text."""
    odds = features(texts, confidences, certainty) @ np.array(CHOICE)
    return np.where([bool(text) for text in texts], 1 / (1 + np.exp(-odds)), 0.0)


def log_odds(probabilities: np.ndarray) -> np.ndarray:
    clipped = np.clip(probabilities, MIN_PROBABILITY, 1 - MIN_PROBABILITY)
    return np.asarray(np.log(clipped / (1 - clipped)))


def most_supported(texts: Sequence[str], confidences: Sequence[float]) -> int:
    """Return the index of the most confident reading of the text whose confidences have the largest sum.

    confidences: geometric means of each reading's lines. One without text counts as NO_TEXT.
    """
    support: dict[str, float] = {}
    for text, confidence in zip(texts, confidences, strict=True):
        support[text] = support.get(text, 0.0) + (confidence if text else NO_TEXT)
    return max(range(len(texts)), key=lambda index: (support[texts[index]], confidences[index]))
