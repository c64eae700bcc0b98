"""Runtimes that run a network's file: LiteRT and Keras behind one Protocol."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np


class Network(Protocol):
    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """Run a batch: float32 in, float32 out, with the same first axis."""


class LiteRTNetwork:
    """A network's LiteRT export. Threads may share it: each call has an interpreter of its own.

    The pool grows to the number of simultaneous calls. The last used interpreter is taken first: it is still cached.
    """

    def __init__(self, content: bytes) -> None:
        self._model = content
        self._idle: list[Any] = []

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        interpreter = self._interpreter()
        entry, leave = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
        if tuple(entry["shape"]) != batch.shape:
            interpreter.resize_tensor_input(entry["index"], batch.shape)
            interpreter.allocate_tensors()
        interpreter.set_tensor(entry["index"], np.ascontiguousarray(batch, np.float32))
        interpreter.invoke()
        answers = np.asarray(interpreter.get_tensor(leave["index"]))
        self._idle.append(interpreter)
        return answers

    def _interpreter(self) -> Any:
        try:
            return self._idle.pop()
        except IndexError:
            from ai_edge_litert.interpreter import Interpreter

            interpreter = Interpreter(model_content=self._model, num_threads=1)
            interpreter.allocate_tensors()
            return interpreter


class KerasNetwork:
    """The Keras network itself. Slower and larger; tests compare the export with it."""

    def __init__(self, content: bytes) -> None:
        import keras

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "network.keras"
            path.write_bytes(content)
            self._network = keras.models.load_model(path, compile=False, safe_mode=True)

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        return np.asarray(self._network(batch, training=False))


RUNTIMES: dict[str, Callable[[bytes], Network]] = {"litert": LiteRTNetwork, "keras": KerasNetwork}


def load_network(content: bytes, runtime: str, entry: tuple[int, ...], leave: tuple[int, ...]) -> Network:
    """Load a network and warm it up with a batch of shape `entry`, whose output must have shape `leave`.

    content: of a `.tflite` file for runtime "litert", of a `.keras` file for "keras".
    Raises ValueError if the content is not such a network.
    """
    try:
        network = RUNTIMES[runtime](content)
        answer = network(np.zeros(entry, np.float32))
    except Exception as error:  # The runtimes raise many kinds; all mean that this file cannot be used.
        raise ValueError(f"this is not a network that the {runtime} runtime can load: {error}") from error
    if answer.shape != leave:
        raise ValueError(f"the network's output has shape {answer.shape}, not {leave}")
    return network
