import numpy as np
import pytest

from training.calibration import fit_temperature


def test_overconfident_logits_are_cooled_by_what_they_were_heated(rng: np.random.Generator) -> None:
    logits = rng.normal(0, 2, (20_000, 11))
    odds = np.exp(logits)
    odds /= odds.sum(axis=1, keepdims=True)
    labels = (odds.cumsum(axis=1) > rng.random((20_000, 1))).argmax(axis=1)
    assert fit_temperature(logits * 1.8, labels) == pytest.approx(1.8, rel=0.05)
