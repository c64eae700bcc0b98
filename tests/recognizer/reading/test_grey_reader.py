"""Strips cut out of a page for the grey reader, and what it reads on them."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from recognizer.reading.ctc import likely_texts
from recognizer.reading.grey_reader import MARGIN, grey_strip, load_grey_reader, shipped_grey_reader
from recognizer.reading.ink import plain_ink
from recognizer.reading.lines import Line, find_lines
from recognizer.reading.spotter import BODY, HEIGHT, strip_of
from training.synthesis.datasets import Mnist


def line_on(page: np.ndarray) -> Line:
    ink = plain_ink(page)
    assert ink is not None
    (line,) = find_lines(ink)
    return line


@pytest.fixture(scope="module")
def row(little_mnist: Mnist) -> tuple[np.ndarray, str]:
    """Four digits beside each other on a page with room around them, and their text."""
    digits = [int(np.flatnonzero(little_mnist.test.labels == label)[0]) for label in (3, 0, 2, 6)]
    page = np.full((80, 190), 255, np.uint8)
    for place, index in enumerate(digits):
        page[26:54, 30 + 32 * place : 58 + 32 * place] -= little_mnist.test.images[index]
    return page, "3026"


def test_strip_of_a_clean_page_is_its_ink(row: tuple[np.ndarray, str]) -> None:
    page, _ = row
    line = line_on(page)
    ink, _ = strip_of(line)
    strip = grey_strip(page, line)
    assert strip.shape == (HEIGHT, ink.shape[1] + 2 * MARGIN)
    assert strip.dtype == np.float32
    assert 0 <= strip.min() <= strip.max() == 1
    assert np.corrcoef(strip[:, MARGIN:-MARGIN].ravel(), ink.ravel())[0, 1] > 0.9
    assert strip[:, :MARGIN].max() < 0.1


@pytest.mark.parametrize("scale", [0.8, 5.0])
@pytest.mark.parametrize("light", [False, True])
def test_strip_is_the_same_for_any_size_and_polarity(row: tuple[np.ndarray, str], scale: float, light: bool) -> None:
    page, _ = row
    wanted = grey_strip(page, line_on(page))
    other = cv2.resize(page, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    other = 255 - other if light else other
    strip = grey_strip(other, line_on(other))
    strip = cv2.resize(strip, wanted.shape[::-1])
    assert np.corrcoef(strip.ravel(), wanted.ravel())[0, 1] > 0.8


def test_strip_of_a_slanted_line_is_level(row: tuple[np.ndarray, str]) -> None:
    page, _ = row
    turn = cv2.getRotationMatrix2D((95, 40), -8, 1)
    page = cv2.warpAffine(page, turn, (190, 80), borderValue=255)
    line = line_on(page)
    assert line.angle == pytest.approx(np.deg2rad(8), abs=0.03)
    rows = np.flatnonzero((grey_strip(page, line) > 0.5).any(axis=1))
    assert np.ptp(rows) < 1.3 * BODY


def test_shadow_does_not_darken_a_strip(row: tuple[np.ndarray, str]) -> None:
    page, _ = row
    line = line_on(page)
    shadow = np.linspace(1.0, 0.4, page.shape[1])
    strip = grey_strip((page * shadow).astype(np.uint8), line)
    assert np.abs(strip - grey_strip(page, line)).mean() < 0.03


def test_line_outside_its_page_gives_a_strip(row: tuple[np.ndarray, str]) -> None:
    page, _ = row
    line = line_on(page)
    beyond = replace(line, x=line.x - 500, y=line.y + 500)
    assert grey_strip(page, beyond).shape == grey_strip(page, line).shape


def test_shipped_grey_reader_reads_a_row_under_a_ruled_line(row: tuple[np.ndarray, str]) -> None:
    page, text = row
    line = line_on(page)
    ruled = page.copy()
    ruled[22:24] = ruled[56:58] = 90
    columns = shipped_grey_reader().read(ruled, line)
    assert "".join(map(str, likely_texts(columns, 1)[0])) == text


def test_file_of_another_network_is_refused() -> None:
    with pytest.raises(ValueError, match="not a network"):
        load_grey_reader(b"no network")
