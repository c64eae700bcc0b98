"""A trained network -> its files: the Keras network and its LiteRT export."""

import hashlib
from pathlib import Path

import keras

KERAS_FILE, LITERT_FILE = "digits.keras", "digits.tflite"


def export_network(network: keras.Model, folder: Path, name: str = "digits") -> dict[str, dict[str, int | str]]:
    """Write `<name>.keras` and `<name>.tflite` into a folder.

    Returns for each file its "sha256" and "bytes".
    """
    folder.mkdir(parents=True, exist_ok=True)
    # A fresh copy was never compiled, so it carries no optimizer, which would be three times the network.
    bare = type(network).from_config(network.get_config())
    bare.set_weights(network.get_weights())
    whole, lean = folder / f"{name}.keras", folder / f"{name}.tflite"
    bare.save(whole)
    bare.export(str(lean), format="litert", verbose=False)
    return {path.name: describe_file(path) for path in (whole, lean)}


def describe_file(path: Path) -> dict[str, int | str]:
    """Return a file's "sha256" and "bytes"."""
    return {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "bytes": path.stat().st_size}
