"""The comparison with another reader, on a recogniser that says what it is told to."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from django.core.management.base import CommandError

from benchmarks import peers, pictures, publishing
from recognizer.reading.spotter import BLANK
from training.evaluation.measures import Result


def columns(labels: list[int]) -> np.ndarray:
    """Give each column a label that is likelier than the others."""
    return np.eye(BLANK + 1, dtype=np.float32)[labels]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two drawn digits with their texts; the second text is wrong."""
    numbers = {"one.png": pictures.drawn_digit(), "two.png": pictures.drawn_digit(6)}
    for name, content in numbers.items():
        (tmp_path / name).write_bytes(content)
    labels = {"one.png": {"text": "3"}, "two.png": {"text": "12345"}}
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    return tmp_path


def test_repeated_labels_count_once_unless_a_blank_parts_them() -> None:
    assert peers.decoded(columns([BLANK, 7, 7, BLANK, 7, 0, 0, BLANK])) == "770"
    assert peers.decoded(columns([BLANK, BLANK])) == ""


def test_other_characters_than_digits_are_left_out() -> None:
    kept = peers.columns_of_digits(["O", *"9876543210", "①"])
    scores = np.zeros((2, 13), np.float32)
    scores[:, 1], scores[0, 11], scores[1, 2] = 0.9, 0.1, 0.1
    assert peers.decoded(scores[:, kept]) == "09"


def test_short_line_is_padded_and_a_long_one_is_not() -> None:
    short = peers.strip_of(np.full((24, 24), 255, np.uint8))
    assert short.shape == (1, 3, 48, 320)
    assert (short[..., :48] == 1).all()
    assert (short[..., 48:] == 0).all()
    assert peers.strip_of(np.zeros((10, 101), np.uint8)).shape == (1, 3, 48, 484)


def test_each_line_of_a_page_is_cut_out_with_its_margin() -> None:
    page = np.full((300, 400), 255, np.uint8)
    for top, text in ((90, "123"), (230, "45")):
        cv2.putText(page, text, (40, top), cv2.FONT_HERSHEY_SIMPLEX, 2, 0, 6, cv2.LINE_AA)
    first, second = peers.lines_of(page)
    assert 50 < second.shape[0] < first.shape[1] < 200
    assert all((line[0] == 255).all() and line.min() == 0 for line in (first, second))
    assert peers.lines_of(np.full((60, 60), 255, np.uint8)) == []


def test_peer_is_measured_beside_this_reader(folder: Path) -> None:
    told = peers.found([folder], folder / "labels.json", "a wheel 1.0", lambda page: columns([BLANK, 3]))
    version = json.loads((publishing.SHIPPED / "card.json").read_text())["name"]
    assert told.startswith(f"Version {version} and PP-OCRv6 small")
    [row] = [line for line in told.splitlines() if line.startswith(f"| {folder.name} |")]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[1] == "2"
    assert cells[5:7] == cells[8:10] == ["**50.0%**", "9.5% to 90.5%"]
    assert "of a wheel 1.0 is 0.0 MB" in told


def test_folder_without_labels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="has no labels"):
        peers.found([tmp_path], tmp_path, "a wheel", lambda page: columns([BLANK]))


def test_peers_table_has_a_row_for_each_folder() -> None:
    results = [Result("cheques", right=[True] * right + [False] * (10 - right), seconds=0.2) for right in (9, 8, 7)]
    told = peers.table([peers.Compared(*results)] * 2).splitlines()
    assert len(told) == 4
    assert len({line.count("|") for line in told}) == 1
    assert told[2].startswith("| cheques | 10 | **90.0%** | 59.6% to 98.2% | 20.0 | **80.0%** |")
