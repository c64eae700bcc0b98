from pathlib import Path

import numpy as np
import pytest
from keras import layers

from recognizer.reading.page import BESIDE, CLASSES, HANDWRITING, PAPER, PRINT
from training.evaluation.made_sets import SEEDS, made_set
from training.networks.page_network import build_page_network, take_over
from training.synthesis import desks
from training.synthesis.datasets import Mnist
from training.synthesis.page_targets import SHAPES, page_batch, weighted
from training.synthesis.pages import Sources, make_scene
from training.synthesis.pen import CHOOSING, LEARNING, TESTING, digits_of, load_pen


def test_pen_writers_are_split_once() -> None:
    assert {digit.writer for digit in load_pen()} == {*LEARNING, *CHOOSING, *TESTING}
    assert not set(LEARNING) & set(TESTING)
    assert len(load_pen()) == 7494


def test_every_writer_wrote_every_digit() -> None:
    assert all(digits_of(writer)[label] for writer in TESTING for label in range(10))


@pytest.mark.parametrize("kind", sorted({*desks.TRAINING, *desks.HELD_OUT}))
def test_desks_fill_their_size(kind: str, rng: np.random.Generator) -> None:
    made = desks.desk(kind, 60, 90, rng)
    assert made.shape == (60, 90)
    assert 0 <= made.min() <= made.max() <= 1


def test_evaluation_desks_are_not_trained_on() -> None:
    assert not set(desks.TRAINING) & set(desks.HELD_OUT)


def test_scenes_contain_every_pixel_class(mnist: Mnist) -> None:
    sources = Sources(mnist.train.images[:500], mnist.train.labels[:500])
    found = set()
    for number in range(12):
        scene = make_scene(sources, 96, 128, np.random.default_rng(number))
        assert scene.page.shape == scene.classes.shape == (96, 128)
        found |= set(np.unique(scene.classes).tolist())
    assert found == {PAPER, HANDWRITING, PRINT, BESIDE}


def test_page_batch_depends_only_on_seed_and_number(mnist: Mnist) -> None:
    first, again = (page_batch(mnist.train, 1, 1, len(SHAPES) - 1) for _ in range(2))
    assert np.array_equal(first[0], again[0])
    assert not np.array_equal(first[0], page_batch(mnist.train, 1, 2, len(SHAPES) - 1)[0])


def test_loss_uses_the_class_weights() -> None:
    assert weighted(np.array([[PAPER, HANDWRITING]])).sum() == pytest.approx(5)


def test_the_page_network_answers_every_pixel() -> None:
    network = build_page_network((4, 4, 4, 4, 4))
    for size in ((64, 96), (32, 160)):
        assert network.predict(np.zeros((1, *size, 1), np.float32), verbose=0).shape == (1, *size, CLASSES)


def test_network_starts_from_an_export(tmp_path: Path, rng: np.random.Generator) -> None:
    first, second = (build_page_network((4, 4, 4, 4, 4)) for _ in range(2))
    for norm in (layer for layer in first.layers if isinstance(layer, layers.BatchNormalization)):
        norm.set_weights([rng.uniform(0.5, 2, weights.shape) for weights in norm.get_weights()])
    first.export(str(tmp_path / "page.tflite"), format="litert", verbose=False)
    pages = rng.random((2, 64, 64, 1), np.float32)
    take_over(second, (tmp_path / "page.tflite").read_bytes(), pages)
    expected = first.predict(pages, verbose=0)
    assert second.predict(pages, verbose=0) == pytest.approx(expected, abs=1e-4)
    assert np.array(second(pages, training=True)) == pytest.approx(expected, abs=1e-3)


def test_the_page_network_has_at_most_200_000_weights() -> None:
    assert build_page_network().count_params() <= 200_000


@pytest.mark.parametrize("name", sorted(SEEDS))
def test_made_sets_are_the_same_each_time(name: str, mnist: Mnist) -> None:
    first, again = (list(made_set(name, mnist.validation, 2)) for _ in range(2))
    assert all(np.array_equal(a.page, b.page) and a.text == b.text for a, b in zip(first, again, strict=True))
    assert all(sample.text.replace("\n", "").isdigit() for sample in first)
