import numpy as np
import pytest

from training.datasets import Examples, Mnist, load_mnist


@pytest.fixture(scope="session")
def mnist() -> Mnist:
    return load_mnist()


@pytest.fixture(scope="session")
def little_mnist(mnist: Mnist) -> Mnist:
    """Enough to see a training run, not enough to learn."""

    def some(examples: Examples, count: int) -> Examples:
        return Examples(examples.images[:count], examples.labels[:count])

    return Mnist(some(mnist.train, 192), some(mnist.validation, 64), some(mnist.test, 64))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)
