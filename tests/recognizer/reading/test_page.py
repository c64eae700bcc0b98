from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recognizer.reading.ink import are_alike, find_ink, is_clean, look, looks_printed, plain_ink, written_inks
from recognizer.reading.page import (
    BESIDE,
    CLASSES,
    HANDWRITING,
    PAPER,
    PRINT,
    Page,
    load_page_network,
    normalised,
    shipped_page_network,
)
from recognizer.reading.reader import Reader, Reading, Reason, Trace

from .pages import FakeNetwork, drawn

SEVEN = [[(60, 50), (140, 50), (90, 150)]]


FRAME = [[(30, 30), (170, 30), (170, 170), (30, 170), (30, 30)]]
BOX = [[(53, 43), (147, 43), (147, 157), (53, 157), (53, 43)]]


def lit(page: np.ndarray) -> np.ndarray:
    """A page lit from one side, so that it is not clean."""
    return (page * np.linspace(0.6, 1, page.shape[1])).astype(np.uint8)


def classes_of(page: np.ndarray) -> np.ndarray:
    return np.where(page < 128, HANDWRITING, PAPER)


def test_pages_of_one_grey_paper_are_clean() -> None:
    page = drawn(SEVEN)
    assert is_clean(page)
    assert not is_clean(lit(page))


def test_clean_pages_are_not_segmented() -> None:
    found = look(drawn(SEVEN), FakeNetwork(np.full((200, 200), BESIDE)))
    assert found.written is not None
    assert found.seen is None


@pytest.mark.parametrize(("lines", "text"), [(1, ""), (2, "7\n4")])
def test_unlikely_reading_of_two_lines_is_likely_enough(
    monkeypatch: pytest.MonkeyPatch, shipped_reader: Reader, lines: int, text: str
) -> None:
    page = lit(drawn(SEVEN))
    seen = FakeNetwork(classes_of(page)).see(page)
    reading = Reading("\n".join("74"[:lines]), 0.5, (), None, page)
    none = Trace(seen, None, [], Reading("", 0.0, (), Reason.NOT_A_NUMBER, page))
    monkeypatch.setattr(shipped_reader, "variants", lambda *_: [Trace(seen, None, [], reading), none, none])
    monkeypatch.setattr("recognizer.reading.reader.probabilities_right", lambda *_: np.array([0.1, 0.0, 0.0]))
    assert shipped_reader.trace(page).reading.text == text


def test_clean_page_without_a_number_is_segmented(shipped_reader: Reader) -> None:
    dash = drawn([[(40, 100), (160, 100)]])
    assert is_clean(dash)
    assert all(trace.seen is not None for trace in shipped_reader.variants(dash))
    assert [trace.seen for trace in shipped_reader.variants(drawn(SEVEN))] == [None]


def test_clean_page_with_a_printed_box_is_segmented() -> None:
    page = drawn([*FRAME, [(100, 60), (100, 140)]], pen=3)
    ink = find_ink(drawn(FRAME, pen=3))
    assert look(page, FakeNetwork(classes_of(page))).seen is not None
    assert ink is None or not looks_printed(ink)


@pytest.mark.parametrize(("printed", "text"), [([], ""), (FRAME, "7")])
def test_unsure_reading_of_a_clean_page_needs_print(
    monkeypatch: pytest.MonkeyPatch, shipped_reader: Reader, printed: list[Any], text: str
) -> None:
    page = drawn([*SEVEN, *printed], pen=3)
    seen = FakeNetwork(classes_of(page)).see(page)
    none = Reading("", 0.0, (), Reason.NOT_A_NUMBER, page)
    unsure = Trace(seen, None, [], Reading("7", 0.6, (), None, page))
    variants = [unsure, Trace(seen, None, [], none), Trace(seen, plain_ink(page), [], none)]
    monkeypatch.setattr(shipped_reader, "variants", lambda *_: variants)
    assert shipped_reader.trace(page).reading.text == text


def test_ink_beside_the_paper_and_print_are_left_out() -> None:
    page = drawn([*SEVEN, [(20, 20), (20, 180)], [(180, 20), (180, 180)]])
    classes = classes_of(page)
    classes[:, :35] = np.where(classes[:, :35] == HANDWRITING, BESIDE, PAPER)
    classes[:, 165:] = np.where(classes[:, 165:] == HANDWRITING, PRINT, PAPER)
    ink, _ = written_inks(lit(page), FakeNetwork(classes).see(page))
    assert ink is not None
    columns = np.flatnonzero(ink.mask.any(axis=0)) + ink.x
    assert columns.min() > 45
    assert columns.max() < 155


def test_pale_strokes_come_to_the_strength_of_dark_ones() -> None:
    page = drawn([[(60, 40), (60, 160)]])
    pale = 255 - (255 - page) // 8
    ink, _ = written_inks(lit(pale), FakeNetwork(classes_of(page)).see(page))
    assert ink is not None
    assert ink.strength.max() > 0.9


def test_shadows_do_not_darken_paper() -> None:
    page = drawn(SEVEN)
    shaded = page.copy()
    shaded[:, 100:] = shaded[:, 100:] // 2
    ink, _ = written_inks(shaded, FakeNetwork(classes_of(page)).see(page))
    assert ink is not None
    assert abs(int(ink.mask.sum()) - int((page < 128).sum())) < 0.15 * (page < 128).sum()


def test_greys_are_spread_from_black_to_white() -> None:
    spread = normalised(np.linspace(80, 140, 4096).astype(np.uint8).reshape(64, 64))
    assert spread.dtype == np.float32
    assert float(spread.min()) == 0
    assert float(spread.max()) == pytest.approx(1)


@pytest.mark.parametrize("size", [(1, 1), (5, 300), (97, 61), (300, 700), (40, 1200)])
def test_page_network_accepts_pages_of_any_size(size: tuple[int, int]) -> None:
    page = np.random.default_rng(0).integers(0, 256, size).astype(np.uint8)
    seen = shipped_page_network().see(page)
    assert seen.masks.shape[2] == CLASSES
    assert 0 <= seen.x < seen.x + seen.width <= size[1]
    assert 0 <= seen.y < seen.y + seen.height <= size[0]
    assert np.allclose(seen.overview.sum(axis=2), 1, atol=1e-3)


def test_file_that_is_not_a_page_network_is_refused() -> None:
    spotter = Path(__file__).parents[3] / "recognizer" / "reading" / "spotter.tflite"
    with pytest.raises(ValueError, match="network"):
        load_page_network(spotter.read_bytes())


@pytest.mark.parametrize(
    ("kind", "reason"), [(BESIDE, Reason.NO_PAPER), (PRINT, Reason.ONLY_PRINT), (PAPER, Reason.NO_INK)]
)
def test_page_without_handwriting_gives_the_reason(shipped_reader: Reader, kind: int, reason: Reason) -> None:
    page = np.random.default_rng(0).integers(0, 256, (60, 60)).astype(np.uint8)
    reader = Reader(shipped_reader.classifier, shipped_reader.spotter, FakeNetwork(np.full((60, 60), kind)))
    assert reader.read_page(page).reason is reason


def test_mask_without_a_digit_lowers_the_confidence(shipped_reader: Reader, one_of_each: dict[int, np.ndarray]) -> None:
    page = lit(255 - np.kron(np.hstack([one_of_each[4], one_of_each[7]]), np.ones((3, 3), np.uint8)))
    classes = classes_of(page)
    whole = Reader(shipped_reader.classifier, shipped_reader.spotter, FakeNetwork(classes)).read_page(page)
    half = np.where(np.arange(page.shape[1]) > page.shape[1] // 2, PAPER, classes)
    doubted = Reader(shipped_reader.classifier, shipped_reader.spotter, FakeNetwork(half)).read_page(page)
    assert whole.text == "47"
    assert doubted.confidence < whole.confidence


def test_desk_between_two_sheets_hides_no_pencil() -> None:
    pencil = drawn([[(60, 20), (140, 20)], [(60, 180), (140, 180)]], pen=6) < 128
    page = np.where(pencil, 200, 230) + np.random.default_rng(1).normal(0, 2, pencil.shape)
    desk = np.zeros(pencil.shape, bool)
    desk[40:160] = True
    page[desk] = np.random.default_rng(2).uniform(0, 255, pencil.shape)[desk]
    classes = np.where(desk, BESIDE, np.where(pencil, HANDWRITING, PAPER))
    ink, _ = written_inks(page.astype(np.uint8), FakeNetwork(classes).see(page))
    assert ink is not None


def test_edge_of_a_sheet_beside_digits_looks_printed() -> None:
    edge, one, tall = [(6, 0), (6, 199)], [(170, 60), (170, 140)], [(170, 5), (170, 194)]
    for strokes, printed in (([*SEVEN, edge], True), ([*SEVEN, one], False), ([*SEVEN, tall], False), ([edge], False)):
        ink = plain_ink(drawn(strokes, pen=8))
        assert ink is not None
        assert looks_printed(ink) is printed


def test_two_inks_of_the_same_strokes_are_alike() -> None:
    one, other = find_ink(drawn(SEVEN)), find_ink(drawn([*SEVEN, [(180, 20), (180, 180)]]))
    assert one is not None
    assert other is not None
    assert are_alike(one, one)
    assert not are_alike(one, other)


def test_masks_of_an_unsure_network_are_not_used(shipped_reader: Reader) -> None:
    page = drawn(SEVEN)
    classes = classes_of(page)
    classes[:, 100:] = BESIDE
    network = FakeNetwork(classes)
    reader = Reader(shipped_reader.classifier, page_network=network)
    assert len(reader.variants(lit(page))) > 1
    network.masks = network.masks * 0.6 + 0.1
    assert [variant.reading.text for variant in reader.variants(lit(page))] == ["7"]


def test_ink_on_paper_is_not_read_where_the_others_agree(
    shipped_reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recognizer.reading.reader.are_alike", lambda one, other: False)
    page = drawn(SEVEN)
    reader = Reader(shipped_reader.classifier, page_network=FakeNetwork(classes_of(page)))
    _, on_paper, whole = reader.variants(lit(page))
    assert on_paper is not whole
    _, on_paper, whole = reader.variants(lit(page), unanimous=0.8)
    assert on_paper is whole


def test_pencil_beside_dark_print_taken_for_writing_is_ink() -> None:
    pencil, box = drawn(SEVEN, pen=6) < 128, drawn(BOX, pen=6) < 128
    page = lit(np.where(box, 20, np.where(pencil, 235, 255)).astype(np.uint8))
    masks = np.eye(CLASSES, dtype=np.float32)[np.where(pencil, HANDWRITING, np.where(box, PRINT, PAPER))]
    masks[box] = [0, 0.4, 0.6, 0]
    ink, _ = written_inks(page, Page(masks, 0, 0, 200, 200, masks, page.shape))
    assert ink is not None
    full = np.zeros(page.shape, np.float32)
    y, x = round(ink.y), round(ink.x)
    full[y : y + ink.strength.shape[0], x : x + ink.strength.shape[1]] = ink.strength
    assert np.median(full[pencil]) > 0.8
