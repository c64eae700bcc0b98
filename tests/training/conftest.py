import warnings
from collections.abc import Iterator
from functools import partial

import numpy as np
import pytest

from training.synthesis.datasets import stream


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.fixture
def stepwise(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Train uncompiled and in this process, because compiling and starting others takes longer than a few steps."""
    import tensorflow as tf

    from training.networks import fitting

    # TensorFlow says that its own data functions stay compiled; they are meant to.
    warnings.filterwarnings("ignore", "Even though the `tf.config")
    monkeypatch.setattr(fitting, "stream", partial(stream, workers=0))
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)
