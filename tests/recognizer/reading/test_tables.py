import cv2
import numpy as np
import pytest

from recognizer.reading.ink import Ink
from recognizer.reading.page import CLASSES, HANDWRITING, PAPER, PRINT, Page
from recognizer.reading.reader import Reader
from recognizer.reading.tables import rows_between

from .pages import FakeNetwork, drawn, on_page

UPPER, LOWER = [[(60, 20), (60, 84)]], [[(120, 116), (120, 180)]]
ACROSS = [[(60, 20), (60, 180)]]


def ruled(strokes: list[list[tuple[int, int]]], *rows: int, slope: float = 0.0) -> tuple[Ink, Page]:
    """Strokes, and lines printed across the page at some rows, hidden where strokes cross them."""
    mask = (drawn(strokes, pen=6) < 128).astype(np.uint8)
    down, across = np.mgrid[0:200, 0:200]
    on_line = np.any([np.abs(down - row - slope * (across - 100)) < 2 for row in rows], axis=0)
    classes = np.where(mask, HANDWRITING, np.where(on_line, PRINT, PAPER))
    return Ink(mask.astype(np.float32), mask, 0.0, 0.0, 1.0), FakeNetwork(classes).see(classes)


def extents(rows: list[Ink]) -> list[tuple[int, int]]:
    """First and last page row of each row's ink."""
    inked = [np.flatnonzero(row.mask.any(axis=1)) + round(row.y) for row in rows]
    return [(int(each[0]), int(each[-1])) for each in inked]


def test_ink_without_a_printed_line_has_no_rows() -> None:
    assert rows_between(*ruled(UPPER + LOWER, 300)) == []


def test_digits_on_both_sides_of_a_line_are_two_rows() -> None:
    for slope in (-0.06, 0.0, 0.06):
        assert len(rows_between(*ruled(UPPER + LOWER, 100, slope=slope))) == 2


def test_connected_digits_are_cut_at_the_line() -> None:
    above, below = extents(rows_between(*ruled(ACROSS, 100)))
    assert above[1] < below[0]
    assert abs(above[1] - 100) <= 2


def test_stroke_that_reaches_across_a_line_stays_whole() -> None:
    strokes = [[(60, 20), (60, 115)], *LOWER]
    above, _ = extents(rows_between(*ruled(strokes, 100)))
    assert above[1] > 110


def test_ends_of_strokes_below_the_last_line_are_no_row() -> None:
    tails = [[(60, 20), (60, 190)], [(120, 20), (120, 190)]]
    assert len(rows_between(*ruled(tails, 90, 175))) == 2


def test_line_hidden_by_a_wide_stroke_is_one_line() -> None:
    bar = [[(70, 100), (130, 100)]]
    assert len(rows_between(*ruled(UPPER + LOWER + bar, 100))) == 2


def test_print_much_shorter_than_the_ink_is_no_line() -> None:
    ink, seen = ruled(UPPER + LOWER, 300)
    seen.masks[98:102, 70:110] = np.eye(CLASSES)[PRINT]
    assert rows_between(ink, seen) == []


def test_ruled_paper_is_no_table() -> None:
    assert rows_between(*ruled(UPPER + LOWER, *range(10, 200, 9))) == []


def test_low_ink_below_small_digits_is_no_row() -> None:
    digits = [[(x, 80), (x, 98)] for x in range(40, 160, 20)]
    assert len(rows_between(*ruled([*digits, [(60, 106), (80, 106)]], 101))) <= 1


@pytest.mark.parametrize("times", [2, 4, 6])
def test_line_in_a_coarser_mask_is_where_its_print_is(times: int) -> None:
    ink, seen = ruled(ACROSS, 100)
    larger = cv2.resize(ink.mask, None, fx=times, fy=times, interpolation=cv2.INTER_NEAREST)
    height, width = larger.shape
    page = Page(seen.masks, 0, 0, width, height, seen.masks, (height, width))
    above, _ = extents(rows_between(Ink(larger.astype(np.float32), larger, 0.0, 0.0, 1.0), page))
    assert abs(above[1] + 0.5 - (100 + 0.5) * times) <= 1


def test_vertical_lines_are_no_rules() -> None:
    ink, seen = ruled(UPPER + LOWER, 300)
    seen.masks[:, 90:94] = np.eye(CLASSES)[PRINT]
    assert rows_between(ink, seen) == []


def test_rows_of_a_page_at_another_scale_lie_where_its_are() -> None:
    ink, seen = ruled(ACROSS, 100)
    half = Ink(ink.strength, ink.mask, 30.0, 50.0, 2.0)
    larger = Page(seen.masks, 30, 50, 400, 400, seen.overview, (450, 430))
    above, below = rows_between(half, larger)
    assert above.y == 50 + 2 * extents(rows_between(ink, seen))[0][0] - 8
    assert below.y > above.y


def test_touching_rows_of_a_table_are_read_as_lines(shipped_reader: Reader, one_of_each: dict[int, np.ndarray]) -> None:
    places = {7: (20, 20), 9: (82, 20), 4: (20, 78), 0: (82, 78)}
    digits = np.min([on_page(one_of_each[d], x, y, (200, 200), 3) for d, (x, y) in places.items()], axis=0)
    ink = digits < 128
    classes = np.where(ink, HANDWRITING, PAPER)
    classes[89:93][~ink[89:93]] = PRINT
    page = (np.where(classes == PRINT, 90, digits) * np.linspace(0.6, 1, 200)).astype(np.uint8)
    reader = Reader(shipped_reader.classifier, page_network=FakeNetwork(classes))
    assert reader.read_page(page).text == "79\n40"


def test_rows_less_likely_than_the_whole_are_dropped(
    shipped_reader: Reader, one_of_each: dict[int, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recognizer.reading.reader.MIN_LIKELY", 1.0)
    digits = np.minimum(on_page(one_of_each[7], 20, 50, (200, 200), 3), on_page(one_of_each[9], 90, 50, (200, 200), 3))
    ink = digits < 128
    # A line through the middle of both digits.
    classes = np.where(ink, HANDWRITING, PAPER)
    classes[90:94][~ink[90:94]] = PRINT
    page = (digits * np.linspace(0.6, 1, 200)).astype(np.uint8)
    reader = Reader(shipped_reader.classifier, page_network=FakeNetwork(classes))
    assert reader.read_page(page).text == "79"
