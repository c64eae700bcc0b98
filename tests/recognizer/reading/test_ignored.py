import numpy as np
import pytest

from recognizer.reading import SURE_FROM, Kind, Reader, Reading, Reason
from recognizer.reading.ignored import kind_of

from .pages import on_page


@pytest.mark.parametrize(
    ("width", "height", "kind"),
    [(6, 6, Kind.POINT), (6, 14, Kind.POINT), (24, 6, Kind.DASH), (30, 40, Kind.LETTER), (200, 30, Kind.DASH)],
)
def test_ignored_marks_are_classified_by_size(width: int, height: int, kind: Kind) -> None:
    assert kind_of(width, height, 40) is kind


@pytest.fixture
def eights(one_of_each: dict[int, np.ndarray]) -> np.ndarray:
    page = on_page(one_of_each[8], 40, 40, (400, 200), 3)
    return np.minimum(page, on_page(one_of_each[8], 160, 40, (400, 200), 3))


def test_point_and_dash_are_listed_with_their_boxes(shipped_reader: Reader, eights: np.ndarray) -> None:
    eights[108:116, 136:144] = 0
    eights[80:86, 270:310] = 0
    reading = shipped_reader.read_page(eights)
    assert reading.text == "88"
    found = {ignored.kind: ignored.box for ignored in reading.ignored}
    assert found[Kind.POINT] == pytest.approx((136, 108, 8, 8), abs=2)
    assert found[Kind.DASH] == pytest.approx((270, 80, 40, 6), abs=2)
    assert {key for ignored in reading.ignored for key in ignored.as_json()} == {"kind", "box"}


def test_clean_page_has_no_ignored_marks(shipped_reader: Reader, eights: np.ndarray) -> None:
    assert shipped_reader.read_page(eights).ignored == ()


def test_reading_at_the_threshold_is_sure() -> None:
    page = np.zeros((1, 1), np.uint8)
    assert Reading("7", SURE_FROM, (), None, page).sure
    assert not Reading("7", SURE_FROM - 0.01, (), None, page).sure
    assert not Reading("", 0.0, (), Reason.NO_INK, page).sure
