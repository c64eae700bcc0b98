import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import keras
import numpy as np
import pytest

from training import cards, fitting
from training.datasets import Mnist, augmented, framed
from training.networks import build_network, build_spotter, multiply_adds

LITTLE = fitting.Recipe(epochs=2, batch_size=64, average=0.5)


TINY = replace(fitting.DIGITS, build=lambda: build_network((4, 4, 4)))


class Killed(Exception):
    pass


def clock_that_dies_after(calls: int) -> Callable[[], float]:
    count = iter(range(10_000))

    def clock() -> float:
        if next(count) >= calls:
            raise Killed
        return 0.0

    return clock


def test_a_killed_training_continues_to_the_same_network(little_mnist: Mnist, tmp_path: Path) -> None:
    whole, _ = fitting.fit(TINY, little_mnist, LITTLE, tmp_path / "whole", lambda: 0.0)
    with pytest.raises(Killed):
        fitting.fit(TINY, little_mnist, LITTLE, tmp_path / "parts", clock_that_dies_after(3))
    parts, progress = fitting.fit(TINY, little_mnist, LITTLE, tmp_path / "parts", lambda: 0.0)
    assert progress.epoch == 2
    assert len(progress.history["validation_accuracy"]) == 2
    frames = framed(little_mnist.test.images)[..., None]
    expected, answer = (network.predict(frames, verbose=0) for network in (whole, parts))
    assert np.abs(expected - answer).max() < 0.05


def test_a_network_settles_in_rounds_after_its_training(little_mnist: Mnist, tmp_path: Path) -> None:
    recipe = replace(LITTLE, epochs=1, settling=1, rounds=2)
    network, progress = fitting.fit_settled(TINY, little_mnist, recipe, tmp_path, lambda: 0.0)
    assert progress.epoch == 3
    assert len(progress.history["loss"]) == 3
    again, _ = fitting.fit_settled(TINY, little_mnist, recipe, tmp_path, lambda: 0.0)
    frames = framed(little_mnist.test.images)[..., None]
    assert np.allclose(network.predict(frames, verbose=0), again.predict(frames, verbose=0), atol=1e-5)


def test_a_last_round_hears_no_teacher_and_counts_half(little_mnist: Mnist, tmp_path: Path) -> None:
    class Absent:
        def predict_on_batch(self, frames: np.ndarray) -> np.ndarray:
            raise AssertionError("nobody is to be asked")

    recipe = replace(LITTLE, epochs=1)
    before, _ = fitting.fit_settled(TINY, little_mnist, recipe, tmp_path, lambda: 0.0)
    # The checkpoint is of the recipe with a last round too: nothing but that round is left to train.
    state = tmp_path / "checkpoint" / "progress.json"
    finished = replace(recipe, finishing=1)
    state.write_text(json.dumps(json.loads(state.read_text()) | {"recipe": asdict(finished)}))
    network, progress = fitting.fit_settled(
        replace(TINY, teacher=Absent()), little_mnist, finished, tmp_path, lambda: 0.0
    )
    assert progress.epoch == 2
    last = keras.models.load_model(tmp_path / "finishing" / "epoch-001.keras")
    end = keras.models.clone_model(last)
    fitting.take_average(last, end)
    for half, first, second in zip(network.get_weights(), before.get_weights(), end.get_weights(), strict=True):
        assert np.allclose(half, (first + second) / 2, atol=1e-6)


class Threes:
    """A teacher that takes everything for a 3."""

    def predict_on_batch(self, frames: np.ndarray) -> np.ndarray:
        return np.eye(11, dtype=np.float32)[np.full(len(frames), 3)]


def test_a_network_learns_what_its_teacher_answers_as_well_as_the_labels(little_mnist: Mnist, tmp_path: Path) -> None:
    long = replace(LITTLE, epochs=8, peak_rate=0.03)
    alone, _ = fitting.fit(TINY, little_mnist, long, tmp_path / "alone", lambda: 0.0)
    taught, _ = fitting.fit(replace(TINY, teacher=Threes()), little_mnist, long, tmp_path / "taught", lambda: 0.0)
    frames = framed(little_mnist.test.images)[..., None]
    # As in training, by the batch's own statistics: so few steps leave no others.
    threes = [float(np.mean(network(frames, training=True)[:, 3])) for network in (alone, taught)]
    assert threes[0] < 0.25
    assert 0.4 < threes[1] < 0.7


def test_a_checkpoint_of_another_recipe_is_not_continued(little_mnist: Mnist, tmp_path: Path) -> None:
    once = replace(LITTLE, epochs=1)
    fitting.fit(TINY, little_mnist, once, tmp_path, lambda: 0.0)
    with pytest.raises(ValueError, match="another recipe"):
        fitting.fit(TINY, little_mnist, LITTLE, tmp_path, lambda: 0.0)


def test_the_network_answers_frames_with_eleven_probabilities(little_mnist: Mnist) -> None:
    network = build_network()
    frames, _ = augmented(little_mnist.train, np.arange(4), 1)
    answer = network.predict(frames[..., None], verbose=0)
    assert answer.shape == (4, 11)
    assert np.allclose(answer.sum(axis=1), 1, atol=1e-5)
    assert 1e6 < multiply_adds(network) < 30e6


def test_the_spotter_answers_every_second_column_of_strips_of_any_width(little_mnist: Mnist) -> None:
    spotter = build_spotter((4, 4, 4))
    for columns in (32, 90):
        answer = spotter.predict(np.zeros((2, 40, columns, 1), np.float32), verbose=0)
        assert answer.shape == (2, columns // 2, 11)


def test_the_spotter_is_trained_by_the_same_steps(little_mnist: Mnist, tmp_path: Path) -> None:
    task = replace(fitting.SPOTTER, build=lambda: build_spotter((4, 4, 4)), per_epoch=lambda examples, batch_size: 3)
    recipe = replace(LITTLE, epochs=1, batch_size=8)
    spotter, progress = fitting.fit(task, little_mnist, recipe, tmp_path, lambda: 0.0)
    assert 0 < progress.history["validation_accuracy"][0] < 1
    assert spotter.predict(np.zeros((1, 40, 64, 1), np.float32), verbose=0).shape == (1, 32, 11)


def test_libraries_named_in_the_card_are_installed() -> None:
    assert all(cards._version(library) for library in cards.LIBRARIES)
