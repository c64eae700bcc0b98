from itertools import groupby

import numpy as np
import pytest

from recognizer.reading.ink import find_ink
from recognizer.reading.lines import Line, find_lines
from recognizer.reading.spotter import BLANK, BODY, HEIGHT, STRIDE, load_spotter, shipped_spotter, strip_of

from .pages import drawn


def line_on(page: np.ndarray) -> Line:
    ink = find_ink(page)
    assert ink is not None
    (line,) = find_lines(ink)
    return line


@pytest.mark.parametrize("height", [20, 60, 240])
def test_strip_scales_digits_to_one_height(height: int) -> None:
    line = line_on(drawn([[(60, 40), (60, 40 + height)], [(100, 40), (100, 40 + height)]]))
    strip, _ = strip_of(line)
    assert strip.shape[0] == HEIGHT
    rows = np.flatnonzero(strip.max(axis=1) > 0.5)
    assert np.ptp(rows) + 1 == pytest.approx(BODY, abs=3)
    assert rows.mean() == pytest.approx((HEIGHT - 1) / 2, abs=1.5)


def test_spotter_answers_for_every_second_column() -> None:
    line = line_on(drawn([[(60, 40), (60, 160)], [(120, 40), (120, 160)]]))
    strip, _ = strip_of(line)
    spotted = shipped_spotter().spot(line)
    assert spotted.shape == (-(-strip.shape[1] // STRIDE), BLANK + 1)
    assert np.allclose(np.exp(spotted).sum(axis=1), 1, atol=1e-3)


def test_shipped_spotter_finds_each_digit_in_its_place(one_of_each: dict[int, np.ndarray]) -> None:
    page = 255 - np.hstack([np.pad(one_of_each[digit], ((6, 6), (2, 2))) for digit in (3, 1, 4, 0, 0, 7)])
    best = shipped_spotter().spot(line_on(page)).argmax(axis=1)
    assert [int(label) for label, _ in groupby(best) if label != BLANK] == [3, 1, 4, 0, 0, 7]


def test_file_that_is_not_a_spotter_is_refused() -> None:
    with pytest.raises(ValueError, match="not a network"):
        load_spotter(b"no network")
