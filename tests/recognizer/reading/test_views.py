from math import inf

import numpy as np
import pytest

from recognizer.reading.choice import NO_TEXT, most_supported
from recognizer.reading.ink import look
from recognizer.reading.page import HANDWRITING, OTHER_VIEWS, PAPER, UNCHANGED, View, shipped_page_network
from recognizer.reading.reader import MAX_CONFIDENCE_AGAIN, MAX_PIECES_AGAIN, Found, Reader, Reading, Reason, Trace

from .pages import FakeNetwork, drawn

SEVEN = [[(60, 50), (140, 50), (90, 150)]]
PHOTOGRAPH = (drawn(SEVEN) * np.linspace(0.6, 1, 200)).astype(np.uint8)

Read = tuple[str | Reason, float]


class Readings(Reader):
    """A reader whose readings are given: text and confidence, or a reason, in each view."""

    def __init__(self, reader: Reader, *readings: Read, pieces: tuple[int, ...] = (1, 1, 1)) -> None:
        super().__init__(reader.classifier)
        self.readings, self.pieces = readings, pieces
        self.views: list[View] = []

    def variants(
        self, page: np.ndarray, found: Found = lambda pieces: None, unanimous: float = inf, view: View = UNCHANGED
    ) -> list[Trace]:
        number = len(self.views)
        self.views.append(view)
        found(self.pieces[number])
        text, confidence = self.readings[number]
        reason = text if isinstance(text, Reason) else None
        reading = Reading("" if reason else text, confidence, (), reason, page)
        seen = FakeNetwork(np.where(page < 128, HANDWRITING, PAPER)).see(page)
        return [Trace(seen, None, [], reading)]


def test_doubtful_photograph_is_read_in_all_views(shipped_reader: Reader) -> None:
    reader = Readings(shipped_reader, ("1", 0.3), ("7", 0.25), ("7", 0.2))
    assert reader.read_page(PHOTOGRAPH).text == "7"
    assert reader.views == [UNCHANGED, *OTHER_VIEWS]


def test_text_found_in_other_views_is_not_sure(shipped_reader: Reader) -> None:
    reading = Readings(shipped_reader, ("1", 0.3), ("7", 0.99), ("7", 0.9)).read_page(PHOTOGRAPH)
    assert (reading.text, reading.confidence, reading.sure) == ("7", MAX_CONFIDENCE_AGAIN, False)


def test_photograph_refused_in_most_views_has_no_text(shipped_reader: Reader) -> None:
    readings: list[Read] = [("7", 0.3), (Reason.NO_INK, 0.0), (Reason.NOT_A_NUMBER, 0.0)]
    assert Readings(shipped_reader, *readings).read_page(PHOTOGRAPH).reason is Reason.NOT_A_NUMBER


@pytest.mark.parametrize(("confidence", "views"), [(0.5, 1), (0.3, 3)])
def test_doubt_in_two_lines_is_their_mean(shipped_reader: Reader, confidence: float, views: int) -> None:
    reader = Readings(shipped_reader, *[("1\n2", confidence)] * 3)
    assert reader.read_page(PHOTOGRAPH).text == "1\n2"
    assert len(reader.views) == views


@pytest.mark.parametrize(
    ("page", "confidence", "pieces"),
    [(PHOTOGRAPH, 0.7, 1), (PHOTOGRAPH, 0.3, MAX_PIECES_AGAIN + 1), (drawn(SEVEN), 0.3, 1)],
)
def test_sure_crowded_and_clean_pages_are_read_once(
    shipped_reader: Reader, page: np.ndarray, confidence: float, pieces: int
) -> None:
    reader = Readings(shipped_reader, ("1", confidence), pieces=(pieces,))
    assert reader.read_page(page).text == "1"
    assert reader.views == [UNCHANGED]


def test_view_with_too_many_pieces_is_left_out(shipped_reader: Reader) -> None:
    pieces = 1, MAX_PIECES_AGAIN + 1, 1
    reader = Readings(shipped_reader, ("1", 0.3), ("7", 0.9), ("1", 0.2), pieces=pieces)
    assert reader.read_page(PHOTOGRAPH).text == "1"
    assert len(reader.views) == 3


def test_sum_of_confidences_decides() -> None:
    assert most_supported(["1", "7", "7"], [0.34, 0.2, 0.25]) == 2
    assert most_supported(["1", "7", "4"], [0.34, 0.2, 0.25]) == 0
    assert most_supported(["", "7", "4"], [0.0, NO_TEXT - 0.01, 0.1]) == 0


def test_ink_of_a_mirrored_view_is_in_its_place() -> None:
    paper = np.full((600, 900), 230, np.uint8)
    paper[80:140, 620:680] = np.minimum(230, drawn(SEVEN, (200, 200), 16)[::3, ::3][4:64, 4:64])
    page = (paper * np.linspace(0.7, 1, 900)).astype(np.uint8)
    network = shipped_page_network()
    found = [look(page, network, view) for view in (UNCHANGED, View(mirrored=True))]
    assert all(each.seen is not None and each.seen.x > 0 for each in found)
    (x, y), (mirrored_x, mirrored_y) = ((each.written.x, each.written.y) for each in found if each.written)
    assert (mirrored_x, mirrored_y) == pytest.approx((x, y), abs=4)


def test_smaller_view_has_smaller_masks() -> None:
    network = shipped_page_network()
    assert network.see(PHOTOGRAPH).masks.shape[:2] == (200, 200)
    assert network.see(PHOTOGRAPH, View(scale=0.8)).masks.shape[:2] == (160, 160)
