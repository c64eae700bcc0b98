"""A trained network -> the files of a version: the Keras network and its LiteRT export."""

import hashlib
from pathlib import Path

import keras

KERAS_FILE, LITERT_FILE = "digits.keras", "digits.tflite"


def export_network(network: keras.Model, folder: Path) -> dict[str, dict[str, int | str]]:
    """Write `digits.keras` and `digits.tflite` into a folder.

    Returns for each file its "sha256" and "bytes".
    """
    folder.mkdir(parents=True, exist_ok=True)
    # A fresh copy was never compiled, so it carries no optimizer, which would be three times the network.
    bare = type(network).from_config(network.get_config())
    bare.set_weights(network.get_weights())
    bare.save(folder / KERAS_FILE)
    bare.export(str(folder / LITERT_FILE), format="litert", verbose=False)
    return {name: describe_file(folder / name) for name in (KERAS_FILE, LITERT_FILE)}


def describe_file(path: Path) -> dict[str, int | str]:
    """Return a file's "sha256" and "bytes"."""
    return {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "bytes": path.stat().st_size}
