import numpy as np

from recognizer.reading.spotter import HEIGHT
from training.synthesis.datasets import Mnist
from training.synthesis.grey_targets import grey_strips
from training.synthesis.line_targets import PADDING
from training.synthesis.pen import LEARNING


def test_the_same_seed_makes_the_same_grey_strips(little_mnist: Mnist) -> None:
    first, second = (grey_strips(little_mnist.train, LEARNING, 1, range(8)) for _ in range(2))
    assert np.array_equal(first.ink, second.ink)
    assert np.array_equal(first.texts, second.texts)


def test_grey_strips_have_texts_and_room_for_them(little_mnist: Mnist) -> None:
    strips = grey_strips(little_mnist.train, LEARNING, 1, range(60))
    assert len(strips) > 40
    assert strips.ink.shape == (HEIGHT, strips.ends[-1])
    for place in range(len(strips)):
        text = strips.texts[place]
        count = np.count_nonzero(text < PADDING)
        assert (text[count:] == PADDING).all()
        # No digit is narrower than its stroke.
        assert strips[place].shape[1] > 2 * count


def test_few_grey_strips_have_a_word_and_no_text(little_mnist: Mnist) -> None:
    texts = grey_strips(little_mnist.train, LEARNING, 1, range(200)).texts
    assert 0 < np.mean(texts[:, 0] == PADDING) < 0.1
