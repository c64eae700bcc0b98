import numpy as np
import pytest

from training.calibration import calibration_error, fit_temperature


def test_overconfident_logits_are_cooled_by_what_they_were_heated(rng: np.random.Generator) -> None:
    logits = rng.normal(0, 2, (20_000, 11))
    odds = np.exp(logits)
    odds /= odds.sum(axis=1, keepdims=True)
    labels = (odds.cumsum(axis=1) > rng.random((20_000, 1))).argmax(axis=1)
    assert fit_temperature(logits * 1.8, labels) == pytest.approx(1.8, rel=0.05)


def test_a_confidence_that_is_always_kept_has_no_error() -> None:
    confidences = np.repeat([0.25, 0.75], 1000)
    right = np.concatenate([np.arange(1000) < 250, np.arange(1000) < 750])
    assert calibration_error(confidences, right) < 1e-9


def test_boasting_is_measured() -> None:
    assert calibration_error(np.full(100, 0.95), np.arange(100) < 50) == pytest.approx(0.45)
