"""Make a network's probabilities honest."""

import keras
import numpy as np

from .datasets import SETTLING, Examples, augmented


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """Find the temperature that makes logits (n, 11) most likely to have given labels (n,).

    Temperature scaling (Guo et al., 2017), by golden-section search over 0.3 to 3.
    """

    def loss(temperature: float) -> float:
        scaled = logits / temperature
        scaled = scaled - scaled.max(axis=1, keepdims=True)
        log_sums = np.log(np.exp(scaled).sum(axis=1))
        return float((log_sums - scaled[np.arange(len(labels)), labels]).mean())

    low, high = 0.3, 3.0
    golden = (5**0.5 - 1) / 2
    for _ in range(40):
        a, b = high - golden * (high - low), low + golden * (high - low)
        if loss(a) < loss(b):
            high = b
        else:
            low = a
    return (low + high) / 2


def calibrate(network: keras.Model, held_out: Examples) -> float:
    """Scale the network's last layer by the temperature fitted on examples it has not seen, augmented. Returns it."""
    frames, labels = augmented(held_out, np.arange(len(held_out)), seed=0, mix=SETTLING)
    last = network.get_layer("logits")
    logits = keras.Model(network.inputs, last.output).predict(frames[..., None], batch_size=500, verbose=0)
    temperature = fit_temperature(logits, labels)
    last.set_weights([weight / temperature for weight in last.get_weights()])
    return temperature
