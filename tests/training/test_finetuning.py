from dataclasses import replace

import keras
import numpy as np
import pytest

from training.networks.architectures import answering, convolution
from training.retraining.finetuning import FineTuneRecipe, _doubtful, fine_tune
from training.synthesis.datasets import Examples, Mnist, framed

pytestmark = pytest.mark.usefixtures("stepwise")

FEW = FineTuneRecipe(steps=4, batch_size=20, peak_rate=1e-2)


@pytest.fixture
def champion() -> keras.Model:
    keras.utils.set_random_seed(3)
    frames = keras.Input((28, 28, 1))
    return answering(frames, convolution(frames, 4, strides=4), "tiny")


def test_fine_tuning_averages_old_and_new_weights(champion: keras.Model, little_mnist: Mnist) -> None:
    before = champion.get_weights()
    whole, half = (
        fine_tune(champion, little_mnist.validation, little_mnist.train, replace(FEW, way=way)).get_weights()
        for way in (1.0, 0.5)
    )
    assert any(not np.allclose(old, new, atol=1e-4) for old, new in zip(before, whole, strict=True))
    for old, new, middle in zip(before, whole, half, strict=True):
        np.testing.assert_allclose(middle, (old + new) / 2, atol=1e-5)
    for old, now in zip(before, champion.get_weights(), strict=True):
        np.testing.assert_array_equal(old, now)


def test_replay_favours_the_least_confident_of_each_digit(champion: keras.Model, little_mnist: Mnist) -> None:
    def certainty(examples: Examples) -> np.ndarray:
        answers = champion.predict(framed(examples.images)[..., None], verbose=0)
        return answers[np.arange(len(examples.labels)), examples.labels]

    kept = _doubtful(champion, little_mnist.train, seed=1)
    assert set(kept.labels) == set(range(10))
    assert len(kept) < 0.2 * len(little_mnist.train)
    sure = certainty(little_mnist.train)
    for digit in range(10):
        others = np.sort(sure[little_mnist.train.labels == digit])
        doubts = np.sort(certainty(kept)[kept.labels == digit])
        np.testing.assert_allclose(doubts, others[: len(doubts)], rtol=1e-4)
