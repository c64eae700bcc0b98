import numpy as np

from recognizer.reading.choice import VARIANTS, probabilities


def test_agreeing_readings_raise_each_others_probability() -> None:
    alone = probabilities(["7", "1", "4"], [0.9, 0.5, 0.5], 0.95)
    agreed = probabilities(["7", "7", "4"], [0.9, 0.5, 0.5], 0.95)
    assert agreed[0] > alone[0]


def test_reading_without_a_text_is_never_right() -> None:
    assert probabilities(["", "7", ""], [0.0, 0.9, 0.0], 0.95).tolist()[::2] == [0, 0]


def test_probabilities_stay_inside_0_and_1() -> None:
    for confidence in (0.0, 0.5, 1.0):
        found = probabilities(["7"] * VARIANTS, [confidence] * VARIANTS, 1.0)
        assert np.all((found > 0) & (found < 1))
