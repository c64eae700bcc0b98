import numpy as np

from training.synthesis.datasets import LEARNING, Mnist, augmented, digit_batch, framed, stream


def test_the_split_keeps_55000_5000_and_10000(mnist: Mnist) -> None:
    assert (len(mnist.train), len(mnist.validation), len(mnist.test)) == (55_000, 5_000, 10_000)


def test_no_validation_image_is_trained_on(mnist: Mnist) -> None:
    trained = {image.tobytes() for image in mnist.train.images}
    shared = sum(image.tobytes() in trained for image in mnist.validation.images)
    assert shared == 0


def test_the_same_seed_makes_the_same_batch(little_mnist: Mnist) -> None:
    indices = np.arange(48)
    first, second = augmented(little_mnist.train, indices, 3), augmented(little_mnist.train, indices, 3)
    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])


def test_batch_has_frames_of_digits_and_of_no_digit(little_mnist: Mnist) -> None:
    frames, labels = augmented(little_mnist.train, np.arange(192), 5)
    assert frames.shape == (192, 28, 28)
    assert frames.min() >= 0
    assert frames.max() <= 1
    assert frames.any(axis=(1, 2)).all()
    assert 0.1 < (labels == 10).mean() < 0.35
    # Before these are segments cut from rows.
    digits = np.flatnonzero(labels < 10)
    digits = digits[digits >= round(LEARNING.runs * 192)]
    assert np.array_equal(labels[digits], little_mnist.train.labels[digits])


def test_frames_of_mnist_are_as_the_reader_sees_them(little_mnist: Mnist) -> None:
    frames = framed(little_mnist.test.images[:8])
    assert frames.shape == (8, 28, 28)
    assert np.abs(frames - little_mnist.test.images[:8] / 255).mean() < 0.03


def test_resumed_stream_in_processes_is_the_same(little_mnist: Mnist) -> None:
    whole = stream(digit_batch, little_mnist.train, 64, seed=1, workers=0)
    batches = [next(whole) for _ in range(4)]
    whole.close()
    rest = stream(digit_batch, little_mnist.train, 64, seed=1, start=3, workers=1)
    again = next(rest)
    rest.close()
    assert np.array_equal(batches[3][0], again[0])
    assert np.array_equal(batches[3][1], again[1])
