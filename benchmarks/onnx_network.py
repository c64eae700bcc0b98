"""Writes the shipped network as an ONNX file to a path: `python -m benchmarks.onnx_network PATH`."""

import sys
from pathlib import Path

import keras
import numpy as np

SHIPPED = Path(__file__).parents[1] / "training" / "shipped" / "digits.keras"

if __name__ == "__main__":
    network = keras.models.load_model(SHIPPED, compile=False)
    # Keras exports only networks that have been called.
    network(np.zeros((1, 28, 28, 1), np.float32))
    network.export(sys.argv[1], format="onnx", verbose=False)
