import numpy as np

from recognizer.reading.cuts import cut
from recognizer.reading.ink import find_ink
from recognizer.reading.lines import Line, find_lines

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


def test_wide_digits_of_two_close_rows_are_two_lines() -> None:
    rows = [[[(42, y), (66, y + 18), (42, y + 36), (18, y + 18), (42, y)], [(110, y), (104, y + 36)]] for y in (20, 68)]
    assert len(lines_of(drawn(rows[0] + rows[1]))) == 2


def test_touching_digits_in_close_rows_are_lines_of_their_own() -> None:
    zigzags = [[(15, y), (55, y + 80), (95, y), (135, y + 80)] for y in (15, 108)]
    seven = [(20, 215), (70, 215), (40, 295)]
    assert len(lines_of(drawn([*zigzags, seven], (160, 310), 8))) == 3


def test_a_sloping_row_is_one_line() -> None:
    page = drawn([[(x, 60 + x // 4), (x, 110 + x // 4)] for x in range(30, 400, 40)], (430, 260), 6)
    assert len(lines_of(page)) == 1


def test_specks_and_dots_are_dropped() -> None:
    page = drawn([[(60, 40), (60, 160)]]).copy()
    page[155:165, 120:130] = 0
    page[20:22, 150:152] = 0
    (line,) = lines_of(page)
    assert line.strength.shape[1] < 30


def test_detached_bar_stays_with_its_digit() -> None:
    page = drawn([[(60, 80), (60, 170)], [(50, 60), (110, 60)], [(60, 80), (100, 110), (60, 170)]], pen=8)
    (line,) = lines_of(page)
    assert line.y < 60


def test_sloping_row_is_levelled() -> None:
    page = drawn([[(x, 60 + x // 6), (x, 110 + x // 6)] for x in range(30, 400, 40)], (430, 200), 6)
    (line,) = lines_of(page)
    inked = np.flatnonzero((line.strength > 0.5).any(axis=1))
    assert np.ptp(inked) < 65
    assert line.angle > 0.1


def test_places_in_a_turned_line_are_found_on_the_page() -> None:
    page = drawn([[(x, 60 + x // 6), (x, 110 + x // 6)] for x in range(30, 400, 40)], (430, 200), 6)
    (line,) = lines_of(page)
    rows, columns = np.nonzero(line.strength > 0.8)
    x, y = line.to_page(columns + 0.5, rows + 0.5)
    assert (page[y.astype(int), x.astype(int)] < 128).mean() > 0.97


def test_two_digits_of_unlike_height_are_not_turned() -> None:
    (line,) = lines_of(drawn([[(60, 40), (60, 160)], [(140, 70), (140, 160)]]))
    assert line.angle == 0
