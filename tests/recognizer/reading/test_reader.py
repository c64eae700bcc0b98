import numpy as np
import pytest

from recognizer.reading import Reader, Reason
from recognizer.reading.grey_reader import shipped_grey_reader
from recognizer.reading.lines import Line
from tests.factories import encoded

from .pages import drawn, on_page

Digits = dict[int, np.ndarray]


@pytest.mark.parametrize("digit", range(10))
@pytest.mark.parametrize(("times", "place"), [(1, (0, 0)), (3, (150, 40)), (8, (10, 60))])
def test_digit_is_read_at_any_position_and_size(
    shipped_reader: Reader, one_of_each: Digits, digit: int, times: int, place: tuple[int, int]
) -> None:
    page = on_page(one_of_each[digit], *place, (400, 300), times)
    reading = shipped_reader.read(encoded(page))
    assert reading.text == str(digit)
    assert reading.reason is None


@pytest.mark.parametrize("digit", range(10))
def test_mnist_images_are_read_as_they_come(shipped_reader: Reader, one_of_each: Digits, digit: int) -> None:
    assert shipped_reader.read_page(one_of_each[digit]).text == str(digit)


@pytest.mark.parametrize("number", [56370, 57055, 57461, 58391, 58505, 59960])
def test_five_with_a_detached_bar_is_read_as_5(shipped_reader: Reader, mnist_learnt: np.ndarray, number: int) -> None:
    reading = shipped_reader.read_page(mnist_learnt[number])
    assert reading.text == "5"
    assert len(reading.digits) == 1


@pytest.mark.parametrize(("number", "digit"), [(37379, "5"), (45047, "2"), (35632, "0"), (48564, "5")])
def test_a_digit_twice_as_wide_as_high_is_read(
    shipped_reader: Reader, mnist_learnt: np.ndarray, number: int, digit: str
) -> None:
    assert shipped_reader.read_page(mnist_learnt[number]).text == digit


@pytest.mark.parametrize(("number", "digit"), [(12396, "4"), (31197, "2"), (46021, "9"), (46023, "9"), (52253, "6")])
def test_line_more_probably_one_digit_is_not_cut_in_two(
    shipped_reader: Reader, mnist_learnt: np.ndarray, number: int, digit: str
) -> None:
    assert shipped_reader.read_page(mnist_learnt[number]).text == digit


@pytest.mark.parametrize("text", ["1\n1", "7\n3", "5\n0"])
def test_digit_above_another_is_not_joined_with_it(shipped_reader: Reader, one_of_each: Digits, text: str) -> None:
    page = 255 - np.kron(np.vstack([one_of_each[int(digit)] for digit in text.split()]), np.ones((4, 4), np.uint8))
    assert shipped_reader.read_page(page).text == text


@pytest.mark.parametrize(("number", "digit"), [(18504, "4"), (41358, "0"), (59701, "5")])
def test_ambiguous_digit_is_read_as_unsure(
    shipped_reader: Reader, mnist_learnt: np.ndarray, number: int, digit: str
) -> None:
    reading = shipped_reader.read_page(mnist_learnt[number])
    assert reading.text == digit
    assert not reading.sure


@pytest.mark.parametrize(("gap", "text"), [(10, "1"), (34, "1\n1")])
def test_stroke_with_small_gap_is_one_digit_with_wide_gap_two(shipped_reader: Reader, gap: int, text: str) -> None:
    page = drawn([[(66, 20), (58, 60)], [(57, 60 + gap), (49, 100 + gap)]], (120, 180), 14)
    assert shipped_reader.read_page(page).text == text


def test_clear_single_digit_is_not_cut(
    shipped_reader: Reader, one_of_each: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_cut(line: object) -> None:
        raise AssertionError("cut")

    monkeypatch.setattr("recognizer.reading.reader.cut", no_cut)
    assert shipped_reader.read_page(one_of_each[8]).text == "8"
    with pytest.raises(AssertionError, match="cut"):
        shipped_reader.read_page(255 - np.hstack([one_of_each[digit] for digit in (2, 0, 4, 7)]))


def test_hairlines_in_parts_too_thin_for_a_frame_are_refused(shipped_reader: Reader) -> None:
    bar, belly = [(400, 300), (900, 300)], [(420, 420), (700, 600), (420, 1100)]
    reading = shipped_reader.read_page(drawn([bar, belly], (1300, 1300), 1))
    assert (reading.text, reading.reason) == ("", Reason.TOO_FAINT)


def test_digits_apart_make_a_number_in_reading_order(shipped_reader: Reader, one_of_each: Digits) -> None:
    page = 255 - np.hstack([one_of_each[digit] for digit in (2, 0, 4, 7)])
    reading = shipped_reader.read_page(page)
    assert reading.text == "2047"
    xs = [digit.box.x for digit in reading.digits]
    assert xs == sorted(xs)


def test_lines_are_joined_by_newlines(shipped_reader: Reader, one_of_each: Digits) -> None:
    rows = [np.hstack([one_of_each[digit] for digit in digits]) for digits in ((1, 2, 3), (4, 5, 6))]
    page = 255 - np.kron(np.vstack([np.pad(row, ((10, 10), (10, 10))) for row in rows]), np.ones((3, 3), np.uint8))
    reading = shipped_reader.read_page(page)
    assert reading.text == "123\n456"
    assert [digit.line for digit in reading.digits] == [0, 0, 0, 1, 1, 1]


def test_boxes_enclose_the_digits_on_the_page(shipped_reader: Reader, one_of_each: Digits) -> None:
    page = on_page(one_of_each[3], 120, 60, (400, 300), 5)
    (digit,) = shipped_reader.read_page(page).digits
    rows, columns = np.flatnonzero((page < 128).any(axis=1)), np.flatnonzero((page < 128).any(axis=0))
    assert abs(digit.box.x - columns[0]) <= 6
    assert abs(digit.box.y - rows[0]) <= 6
    assert abs(digit.box.width - np.ptp(columns)) <= 12
    assert abs(digit.box.height - np.ptp(rows)) <= 12


def test_reading_has_a_confidence_and_probabilities(shipped_reader: Reader, one_of_each: Digits) -> None:
    reading = shipped_reader.read_page(one_of_each[7])
    (digit,) = reading.digits
    assert digit.confidence == digit.probabilities[7] == reading.confidence
    assert 0.9 < reading.confidence <= 1
    assert len(digit.probabilities) == 10
    assert digit.frame.shape == (28, 28)


def test_a_blank_page_is_refused(shipped_reader: Reader) -> None:
    reading = shipped_reader.read_page(np.full((300, 300), 255, np.uint8))
    assert (reading.text, reading.reason, reading.digits) == ("", Reason.NO_INK, ())


@pytest.mark.parametrize("pen", [8, 12, 18])
def test_hatching_wider_than_any_digit_is_not_a_number(shipped_reader: Reader, pen: int) -> None:
    points = [(50 + 9 * step, 50 + 230 * (step % 2)) for step in range(60)]
    assert shipped_reader.read_page(drawn([points], (786, 446), pen)).reason == Reason.NOT_A_NUMBER


def test_a_scribble_is_not_a_number(shipped_reader: Reader) -> None:
    points = [(int(x), int(y)) for x, y in np.random.default_rng(2).integers(30, 270, (40, 2))]
    reading = shipped_reader.read_page(drawn([points], (300, 300), 5))
    assert (reading.text, reading.reason) == ("", Reason.NOT_A_NUMBER)


def test_a_dash_is_not_a_number(shipped_reader: Reader) -> None:
    assert shipped_reader.read_page(drawn([[(40, 100), (160, 100)]])).reason is Reason.NOT_A_NUMBER


@pytest.mark.parametrize("pen", [4, 12, 24])
def test_a_drawn_seven_is_read_with_any_pen(shipped_reader: Reader, pen: int) -> None:
    page = drawn([[(90, 60), (210, 60), (140, 240)]], (300, 300), pen)
    assert shipped_reader.read_page(page).text == "7"


def test_grey_reader_reads_photographs_only(shipped_reader: Reader, one_of_each: Digits) -> None:
    class Recorder:
        """Reads as the shipped grey reader does, and keeps the pages."""

        def __init__(self) -> None:
            self.pages: list[np.ndarray] = []

        def read(self, page: np.ndarray, line: Line) -> np.ndarray:
            self.pages.append(page)
            return shipped_grey_reader().read(page, line)

    grey_reader = Recorder()
    reader = Reader(shipped_reader.classifier, grey_reader=grey_reader)
    clean = np.minimum(on_page(one_of_each[4], 20, 20, (200, 90), 2), on_page(one_of_each[2], 100, 20, (200, 90), 2))
    assert reader.read_page(clean).text == "42"
    assert not grey_reader.pages
    shade = np.linspace(0.9, 0.5, clean.shape[1])
    photograph = np.clip(clean * shade + np.random.default_rng(5).normal(0, 4, clean.shape), 0, 255).astype(np.uint8)
    assert reader.read_page(photograph).text == "42"
    assert grey_reader.pages
    assert all(page is photograph for page in grey_reader.pages)


def test_almost_every_mnist_test_digit_is_read(
    shipped_reader: Reader, mnist_test: tuple[np.ndarray, np.ndarray]
) -> None:
    images, labels = (array[:500] for array in mnist_test)
    right = [shipped_reader.read_page(image).text == str(label) for image, label in zip(images, labels, strict=True)]
    assert np.mean(right) > 0.985
