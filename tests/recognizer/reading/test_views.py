from collections.abc import Iterator
from math import inf

import numpy as np
import pytest

from recognizer.reading.choice import NO_TEXT, most_supported
from recognizer.reading.page import HANDWRITING, OTHERS, PAPER, PLAIN, View, shipped_page_network
from recognizer.reading.reader import MAX_DOUBTFUL, Found, Reader, Reading, Reason, Trace

from .pages import FakeNetwork, drawn

SEVEN = [[(60, 50), (140, 50), (90, 150)]]
PHOTOGRAPH = (drawn(SEVEN) * np.linspace(0.6, 1, 200)).astype(np.uint8)


class Readings(Reader):
    """A reader whose readings are given: text and confidence in the plain view and then in each other one."""

    def __init__(self, reader: Reader, *readings: tuple[str, float], pieces: int = 1) -> None:
        super().__init__(reader.classifier)
        self.readings: Iterator[tuple[str, float]] = iter(readings)
        self.views: list[View] = []
        self.pieces = pieces

    def variants(
        self, page: np.ndarray, found: Found = print, unanimous: float = inf, view: View = PLAIN
    ) -> list[Trace]:
        self.views.append(view)
        found(self.pieces)
        text, confidence = next(self.readings)
        reading = Reading(text, confidence, (), None if text else Reason.NOT_A_NUMBER, page)
        seen = FakeNetwork(np.where(page < 128, HANDWRITING, PAPER)).see(page)
        return [Trace(seen, None, [], reading)]


def test_doubtful_photograph_is_read_in_all_views(shipped_reader: Reader) -> None:
    reader = Readings(shipped_reader, ("1", 0.3), ("7", 0.25), ("7", 0.2))
    assert reader.read_page(PHOTOGRAPH).text == "7"
    assert reader.views == [PLAIN, *OTHERS]


def test_text_found_in_other_views_is_not_sure(shipped_reader: Reader) -> None:
    reading = Readings(shipped_reader, ("1", 0.3), ("7", 0.99), ("7", 0.9)).read_page(PHOTOGRAPH)
    assert (reading.text, reading.confidence, reading.sure) == ("7", MAX_DOUBTFUL, False)


def test_photograph_refused_in_most_views_has_no_text(shipped_reader: Reader) -> None:
    reading = Readings(shipped_reader, ("", 0.0), ("7", 0.5), ("", 0.0)).read_page(PHOTOGRAPH)
    assert reading.reason is Reason.NOT_A_NUMBER


@pytest.mark.parametrize(
    ("page", "confidence", "pieces"), [(PHOTOGRAPH, 0.4, 1), (PHOTOGRAPH, 0.3, 400), (drawn(SEVEN), 0.3, 1)]
)
def test_sure_crowded_and_clean_pages_are_read_once(
    shipped_reader: Reader, page: np.ndarray, confidence: float, pieces: int
) -> None:
    reader = Readings(shipped_reader, ("1", confidence), pieces=pieces)
    assert reader.read_page(page).text == "1"
    assert reader.views == [PLAIN]


def test_sum_of_confidences_decides() -> None:
    assert most_supported(["1", "7", "7"], [0.34, 0.2, 0.25]) == 2
    assert most_supported(["1", "7", "4"], [0.34, 0.2, 0.25]) == 0
    assert most_supported(["", "7", "4"], [0.0, NO_TEXT - 0.01, 0.1]) == 0


def test_mirrored_view_is_mirrored_back() -> None:
    page = np.pad(PHOTOGRAPH, ((100, 200), (300, 50)), constant_values=230)
    network = shipped_page_network()
    seen, back = network.see(page[:, ::-1].copy()), network.see(page, View(mirrored=True))
    assert (back.x + back.width, back.y) == (page.shape[1] - seen.x, seen.y)
    assert np.array_equal(back.masks[:, ::-1], seen.masks)
    assert np.array_equal(back.overview[:, ::-1], seen.overview)


def test_smaller_view_has_smaller_masks() -> None:
    network = shipped_page_network()
    page = np.pad(PHOTOGRAPH, 100, constant_values=230)
    plain, smaller = network.see(page), network.see(page, View(scale=0.8))
    assert max(smaller.overview.shape) == round(0.8 * max(plain.overview.shape))
    assert smaller.whole == plain.whole
