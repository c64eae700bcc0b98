from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from recognizer.reading.spotter import BUCKET, HEIGHT
from training.synthesis import line_targets
from training.synthesis.datasets import Mnist
from training.synthesis.line_targets import (
    MAX_DIGITS,
    PADDING,
    encoded,
    line_batch,
    line_file,
    load_strips,
    make_strips,
    varied,
    write_strips,
)
from training.synthesis.pen import LEARNING


@pytest.fixture
def few_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three small files: two of numbers, one also of rows; the last two are used to settle."""
    for name, value in {"PAGES": 12, "FIRST_FILES": 1, "MORE_FILES": 1, "NUMBER_FILES": 2, "FILES": 3}.items():
        monkeypatch.setattr(line_targets, name, value)


def test_the_same_seed_makes_the_same_strips(little_mnist: Mnist) -> None:
    first, second = (make_strips(little_mnist.train, LEARNING, 1, range(6), rows=0.5) for _ in range(2))
    assert np.array_equal(first.ink, second.ink)
    assert np.array_equal(first.texts, second.texts)


def test_strips_have_the_digits_of_their_lines(little_mnist: Mnist) -> None:
    strips = make_strips(little_mnist.train, LEARNING, 1, range(12))
    assert strips.ink.shape == (HEIGHT, strips.ends[-1])
    for place in range(len(strips)):
        text = strips.texts[place]
        count = np.count_nonzero(text < PADDING)
        assert (text[:count] < 10).all()
        assert (text[count:] == PADDING).all()
        # No digit is narrower than its stroke.
        assert strips[place].shape[1] > 2 * count


@pytest.mark.usefixtures("few_files")
def test_batches_come_from_the_files_of_their_epoch(little_mnist: Mnist, tmp_path: Path) -> None:
    write_strips(partial(line_file, little_mnist.train, 1), tmp_path, 3)
    files = [load_strips(tmp_path, range(file, file + 1)) for file in range(3)]
    assert len(load_strips(tmp_path, range(3))) == sum(len(file) for file in files)
    strips, texts = line_batch(tmp_path, little_mnist.train, 4, 1, 0)
    assert strips.shape[:2] == (4, HEIGHT)
    assert strips.shape[2] % BUCKET == 0
    known = {text.tobytes() for text in files[0].texts}
    assert {text.tobytes() for text in texts} <= known
    _, settled = line_batch(tmp_path, little_mnist.train, 4, 1, 0, settling=True)
    assert {text.tobytes() for text in settled} <= {text.tobytes() for file in files[1:] for text in file.texts}


@pytest.mark.usefixtures("few_files")
def test_existing_strip_files_are_not_rewritten(little_mnist: Mnist, tmp_path: Path) -> None:
    write_strips(partial(line_file, little_mnist.train, 1), tmp_path, 3)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    (tmp_path / "001.npz").unlink()
    write_strips(partial(line_file, little_mnist.train, 1), tmp_path, 3)
    after = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert {name for name in after if after[name] != before[name]} == {"001.npz"}


def test_augmented_strip_stays_similar(rng: np.random.Generator) -> None:
    strip = np.zeros((HEIGHT, 60), np.uint8)
    strip[8:32, 10:14] = strip[8:32, 40:44] = 255
    for _ in range(20):
        ink = varied(strip, rng)
        assert ink.shape[0] == HEIGHT
        assert 0 <= ink.min() <= ink.max() <= 1
        columns = np.flatnonzero(ink[HEIGHT // 2] > 0.3)
        assert 15 < np.ptp(columns) < 50


def test_texts_are_one_hot_and_nothing_behind_them() -> None:
    text = np.full((1, MAX_DIGITS), PADDING, np.uint8)
    text[0, :2] = 7, 0
    answer = encoded(text)
    assert answer.shape == (1, MAX_DIGITS, 11)
    assert answer[0].sum(axis=1).tolist() == [1, 1] + [0] * (MAX_DIGITS - 2)
    assert all(first >= second for first, second in pairwise(answer[0].sum(axis=1)))
