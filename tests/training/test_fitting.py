from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from training import cards, fitting
from training.datasets import Mnist, augmented, framed
from training.networks import build_network, multiply_adds

LITTLE = fitting.Recipe(epochs=2, batch_size=64, average=0.5)


def tiny() -> object:
    return build_network((4, 4, 4))


class Killed(Exception):
    pass


def clock_that_dies_after(calls: int) -> object:
    count = iter(range(10_000))

    def clock() -> float:
        if next(count) >= calls:
            raise Killed
        return 0.0

    return clock


def test_a_killed_training_continues_to_the_same_network(little_mnist: Mnist, tmp_path: Path) -> None:
    whole, _ = fitting.fit(little_mnist, LITTLE, tmp_path / "whole", lambda: 0.0, tiny)  # type: ignore[arg-type]
    with pytest.raises(Killed):
        fitting.fit(little_mnist, LITTLE, tmp_path / "parts", clock_that_dies_after(3), tiny)  # type: ignore[arg-type]
    parts, progress = fitting.fit(little_mnist, LITTLE, tmp_path / "parts", lambda: 0.0, tiny)  # type: ignore[arg-type]
    assert progress.epoch == 2
    assert len(progress.history["validation_accuracy"]) == 2
    frames = framed(little_mnist.test.images)[..., None]
    expected, answer = (network.predict(frames, verbose=0) for network in (whole, parts))
    assert np.abs(expected - answer).max() < 0.05


def test_a_checkpoint_of_another_recipe_is_not_continued(little_mnist: Mnist, tmp_path: Path) -> None:
    once = replace(LITTLE, epochs=1)
    fitting.fit(little_mnist, once, tmp_path, lambda: 0.0, tiny)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="another recipe"):
        fitting.fit(little_mnist, LITTLE, tmp_path, lambda: 0.0, tiny)  # type: ignore[arg-type]


def test_the_network_answers_frames_with_eleven_probabilities(little_mnist: Mnist) -> None:
    network = build_network()
    frames, _ = augmented(little_mnist.train, np.arange(4), 1)
    answer = network.predict(frames[..., None], verbose=0)
    assert answer.shape == (4, 11)
    assert np.allclose(answer.sum(axis=1), 1, atol=1e-5)
    assert 1e6 < multiply_adds(network) < 30e6


def test_libraries_named_in_the_card_are_installed() -> None:
    assert all(cards._version(library) for library in cards.LIBRARIES)
