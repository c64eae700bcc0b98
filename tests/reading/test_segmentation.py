import numpy as np

from recognizer.reading.ink import find_ink
from recognizer.reading.segmentation import Line, cut, find_lines

from .pages import drawn


def lines_of(page: np.ndarray) -> list[Line]:
    ink = find_ink(page)
    assert ink is not None
    return find_lines(ink)


def test_two_strokes_apart_are_cut_between() -> None:
    (line,) = lines_of(drawn([[(60, 40), (60, 160)], [(140, 40), (140, 160)]]))
    pieces = cut(line)
    assert len(pieces) == 2
    assert pieces.costs[1] < 0.5


def test_slanted_strokes_that_overhang_are_cut_along_the_slant() -> None:
    (line,) = lines_of(drawn([[(90, 40), (50, 160)], [(120, 40), (80, 160)]], pen=8))
    pieces = cut(line)
    assert len(pieces) == 2
    assert pieces.costs[1] < 1.0


def test_rows_of_writing_become_lines_from_top_to_bottom() -> None:
    page = drawn([[(x, y), (x, y + 40)] for y in (20, 90, 160) for x in (30, 60, 90)], (200, 220), 6)
    lines = lines_of(page)
    assert len(lines) == 3
    assert [line.y for line in lines] == sorted(line.y for line in lines)


def test_a_sloping_row_is_one_line() -> None:
    page = drawn([[(x, 60 + x // 4), (x, 110 + x // 4)] for x in range(30, 400, 40)], (430, 260), 6)
    assert len(lines_of(page)) == 1


def test_specks_and_dots_are_dropped() -> None:
    page = drawn([[(60, 40), (60, 160)]]).copy()
    page[155:165, 120:130] = 0
    page[20:22, 150:152] = 0
    (line,) = lines_of(page)
    assert line.strength.shape[1] < 30


def test_a_detached_hat_stays_with_its_digit() -> None:
    page = drawn([[(60, 80), (60, 170)], [(50, 60), (110, 60)], [(60, 80), (100, 110), (60, 170)]], pen=8)
    (line,) = lines_of(page)
    assert line.y < 60
