from pathlib import Path

import numpy as np
import pytest

from recognizer.reading import Reader, load_classifier

PROJECT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def shipped_reader() -> Reader:
    """The reader of the version the project ships."""
    return Reader(load_classifier((PROJECT / "training" / "shipped" / "digits.tflite").read_bytes(), "litert"))


@pytest.fixture(scope="session")
def mnist_test() -> tuple[np.ndarray, np.ndarray]:
    with np.load(PROJECT / "training" / "data" / "mnist.npz") as arrays:
        return arrays["x_test"], arrays["y_test"]


@pytest.fixture(scope="session")
def mnist_learnt() -> np.ndarray:
    """MNIST's training images; the last 5,000 are for validation."""
    with np.load(PROJECT / "training" / "data" / "mnist.npz") as arrays:
        images: np.ndarray = arrays["x_train"]
        return images


@pytest.fixture(scope="session")
def one_of_each(mnist_test: tuple[np.ndarray, np.ndarray]) -> dict[int, np.ndarray]:
    """The first MNIST test image of every digit."""
    images, labels = mnist_test
    return {digit: images[int(np.flatnonzero(labels == digit)[0])] for digit in range(10)}
