import numpy as np
import pytest

from recognizer.reading.ink import find_ink

from .pages import drawn

PAGE = drawn([[(60, 40), (60, 160)], [(120, 40), (120, 160)]])


def test_dark_on_light_and_light_on_dark_give_the_same_ink() -> None:
    dark, light = find_ink(PAGE), find_ink(255 - PAGE)
    assert dark is not None
    assert light is not None
    assert np.array_equal(dark.mask, light.mask)


@pytest.mark.parametrize("grey", [0, 90, 255])
def test_a_blank_page_has_no_ink(grey: int) -> None:
    assert find_ink(np.full((80, 120), grey, np.uint8)) is None


def test_grainy_blank_paper_gives_no_ink() -> None:
    grain = np.random.default_rng(0).normal(210, 4, (300, 400))
    assert find_ink(grain.astype(np.uint8)) is None


@pytest.mark.parametrize("size", [(60, 80), (300, 400), (600, 800)])
@pytest.mark.parametrize("deviation", [4, 8, 20])
def test_blank_paper_gives_no_ink(size: tuple[int, int], deviation: int) -> None:
    grain = np.random.default_rng(0).normal(210, deviation, size)
    assert find_ink(np.clip(grain, 0, 255).astype(np.uint8)) is None


def test_strokes_on_paper_hatched_with_print_are_ink(one_of_each: dict[int, np.ndarray]) -> None:
    page = 200 - 66 * np.kron(np.hstack([one_of_each[digit] for digit in range(3)]) / 255, np.ones((2, 2)))
    y, x = np.mgrid[: page.shape[0], : page.shape[1]]
    hatched = page - 30 * ((4 * y - x) % 24 < 10)
    assert find_ink(hatched.astype(np.uint8)) is not None


def test_uneven_light_does_not_hide_strokes_or_invent_them() -> None:
    # Slightly irregular: perfectly upright strokes could be print.
    page = drawn([[(60, 50), (75, 90), (55, 160)], [(100, 60), (140, 50), (120, 100), (145, 150)]])
    light = np.linspace(0.35, 1, page.shape[1])[None, :]
    shaded = (page * 0.9 * light + 10).astype(np.uint8)
    ink, even = find_ink(shaded), find_ink(page)
    assert ink is not None
    assert even is not None
    differing = (ink.mask != even.mask).mean()
    assert differing < 0.02


def test_ruled_lines_are_dropped_and_strokes_across_them_stay() -> None:
    page = np.full((320, 400), 250, np.uint8)
    page[::40] = 150
    page[1::40] = 150
    page[60:220, 200:212] = 20
    ink = find_ink(page)
    assert ink is not None
    columns = np.flatnonzero(ink.mask.any(axis=0)) + round(ink.x)
    assert columns.min() > 180
    assert columns.max() < 230
    assert ink.mask[65 - round(ink.y) : 215 - round(ink.y), 205 - round(ink.x)].mean() > 0.95


def test_large_page_is_scaled_down_to_find_ink() -> None:
    page = np.full((3000, 4000), 230, np.uint8)
    # A slanting stroke: one with upright sides may be print.
    for y in range(1000, 2000):
        page[y, 750 + y // 4 : 850 + y // 4] = 30
    ink = find_ink(page)
    assert ink is not None
    assert ink.scale == 2.5
    assert ink.mask.sum() == pytest.approx(1000 * 100 / 2.5**2, rel=0.05)


def test_ink_is_cropped_with_its_position() -> None:
    ink = find_ink(PAGE)
    assert ink is not None
    rows, columns = np.nonzero(ink.mask)
    dark = np.argwhere(PAGE < 128)
    assert abs(ink.y + rows.min() - dark[:, 0].min()) <= 1
    assert abs(ink.x + columns.max() - dark[:, 1].max()) <= 1
    assert ink.mask.shape < PAGE.shape
