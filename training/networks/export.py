"""A trained network -> its files: the Keras network and its LiteRT export, with 8-bit weights and activations."""

import hashlib
import warnings
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from ai_edge_quantizer import quantizer, recipe
from ai_edge_quantizer.qtyping import TFLOperationName as Operation

from training.synthesis.datasets import Examples, augmented
from training.synthesis.grey_targets import grey_strips
from training.synthesis.line_targets import unpacked
from training.synthesis.page_targets import page_batch
from training.synthesis.pen import LEARNING
from training.synthesis.spotter_targets import spot_batch

KERAS_FILE, LITERT_FILE = "digits.keras", "digits.tflite"

EXACT = (Operation.INPUT, Operation.OUTPUT, Operation.SOFTMAX, Operation.FULLY_CONNECTED)
"""Operations in single precision: 8-bit logits would make small probabilities 0. The page network's logits come from a
convolution and do have 8 bits."""


def _strips(examples: Examples) -> np.ndarray:
    return spot_batch(examples, 200, 0, 0)[0]


INPUTS: dict[str, Callable[[Examples], np.ndarray]] = {
    "digits": lambda examples: augmented(examples, np.arange(512) % len(examples), seed=0)[0],
    "page": lambda examples: page_batch(examples, 24, 0, 0)[0],
    "spotter": _strips,
    "line": _strips,
    "grey": lambda examples: unpacked(grey_strips(examples, LEARNING, 0, range(200)))[0],
}
"""Typical inputs of each network, made from examples: float32 (n, ...)."""


def export_network(
    network: keras.Model, folder: Path, examples: Examples, name: str = "digits"
) -> dict[str, dict[str, int | str]]:
    """Write `<name>.keras` and `<name>.tflite` into a folder.

    examples: for typical inputs, which decide the ranges of the activations. Returns for each file its "sha256"
    and "bytes".
    """
    folder.mkdir(parents=True, exist_ok=True)
    # A fresh copy was never compiled, so it carries no optimizer, which would be three times the network.
    bare = type(network).from_config(network.get_config())
    bare.set_weights(network.get_weights())
    whole, lean = folder / f"{name}.keras", folder / f"{name}.tflite"
    bare.save(whole)
    bare.export(str(lean), format="litert", verbose=False)
    lean.write_bytes(quantise(lean, INPUTS[name](examples)[..., None]))
    return {path.name: describe_file(path) for path in (whole, lean)}


def quantise(exported: Path, typical: np.ndarray) -> bytes:
    """Quantise a LiteRT export to 8-bit weights and activations, with scales for each channel (Jacob et al., 2018).

    typical: inputs, float32 (n, ...). Inputs and outputs of the result stay float32.
    """
    quantising = quantizer.Quantizer(str(exported), recipe.static_wi8_ai8())
    for operation in EXACT:
        quantising.update_quantization_recipe(".*", operation, algorithm_key="no_quantize")
    (signature, ends), *_ = Interpreter(str(exported)).get_signature_list().items()
    inputs = [{ends["inputs"][0]: one[None]} for one in typical]
    with warnings.catch_warnings():
        # It keeps the outputs of all layers, and LiteRT warns of the memory.
        warnings.filterwarnings("ignore", message=".*experimental_preserve_all_tensors")
        ranges = quantising.calibrate({signature: inputs})
        return bytes(quantising.quantize(ranges, enable_progress_report=False).quantized_model)


def weights_of(content: bytes, operation: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Read kernel and bias of an export's layers of one kind, in order: float32, whether quantised or not.

    operation: as LiteRT names it. Kernels have the axes of LiteRT, the outputs first.
    """
    exported = Interpreter(model_content=content)
    exported.allocate_tensors()
    steps = exported._get_ops_details()
    found = []
    for place, step in enumerate(steps):
        if step["op_name"] == operation:
            _, kernel, bias = step["inputs"]
            if bias < 0:
                # Added after a reshape.
                bias, *_ = (later["inputs"][1] for later in steps[place:] if later["op_name"] == "ADD")
            found.append((_weights(exported, kernel), _weights(exported, bias)))
    return found


def _weights(exported: Interpreter, index: int) -> np.ndarray:
    stored = exported.get_tensor(index).astype(np.float32)
    scales = exported._get_tensor_details(index, 0)["quantization_parameters"]["scales"]
    return stored * scales.reshape(-1, *[1] * (stored.ndim - 1)) if scales.size else stored


def describe_file(path: Path) -> dict[str, int | str]:
    """Return a file's "sha256" and "bytes"."""
    return {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "bytes": path.stat().st_size}
