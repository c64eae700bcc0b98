import numpy as np
import pytest

from training.synthesis.augmentation import augment, bend, redraw, restyle
from training.synthesis.datasets import Mnist
from training.synthesis.negatives import draw_nondigit
from training.synthesis.strokes import SCHOOLS, draw_digit


def test_an_augmented_digit_is_a_frame_with_ink(little_mnist: Mnist, rng: np.random.Generator) -> None:
    for image in little_mnist.train.images[:50]:
        framed = augment(image.astype(np.float32) / 255, rng)
        assert framed.shape == (28, 28)
        assert framed.dtype == np.float32
        assert framed.max() > 0.3


def test_redrawing_changes_the_stroke_and_not_the_place(little_mnist: Mnist, rng: np.random.Generator) -> None:
    ink = bend(little_mnist.train.images[0].astype(np.float32) / 255, rng)
    widths = {round(float(redraw(ink, rng).sum())) for _ in range(12)}
    assert len(widths) > 3


def test_restyled_7_gets_a_bar(little_mnist: Mnist, rng: np.random.Generator) -> None:
    seven = little_mnist.train.images[little_mnist.train.labels == 7][0].astype(np.float32) / 255
    plain, barred = restyle(seven, 4, rng), restyle(seven, 7, rng)
    assert barred.sum() > plain.sum()


def test_restyled_1_has_a_steep_flag(rng: np.random.Generator) -> None:
    one = np.zeros((28, 28), np.float32)
    one[4:24, 13:15] = 1
    for _ in range(50):
        solid = restyle(one, 1, rng) > 0.4
        above = solid[: solid.shape[0] // 2]
        columns = np.flatnonzero(above.any(axis=0))
        left = above[:, columns[0]]
        reach = columns[-1] - columns[0]
        assert np.flatnonzero(left).max() - np.flatnonzero(above.any(axis=1))[0] >= 0.7 * reach


@pytest.mark.parametrize("label", range(10))
def test_every_template_of_every_digit_can_be_drawn(label: int, rng: np.random.Generator) -> None:
    for _ in range(4 * len(SCHOOLS[label])):
        ink = draw_digit(label, 60, rng)
        assert ink.max() == 1.0
        assert 40 < np.ptp(np.flatnonzero(ink.max(axis=1) > 0.5)) < 110


def test_non_digits_have_ink(little_mnist: Mnist, rng: np.random.Generator) -> None:
    for _ in range(60):
        ink = draw_nondigit(little_mnist.train.images, little_mnist.train.labels, rng)
        assert ink.max() > 0.3
