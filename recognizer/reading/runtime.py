"""Runtimes that run a network's file: LiteRT and Keras behind one Protocol."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Protocol

import numpy as np

KEPT = 2
"""Idle interpreters of a network that are kept for other shapes. A page is read at two sizes."""


class Network(Protocol):
    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """Run a batch: float32 in, float32 out, with the same first axis."""


class LiteRTNetwork:
    """A network's LiteRT export. Threads may share it: each call has an interpreter of its own.

    The pool grows to the number of simultaneous calls. The last used interpreter of the same shape is taken first: it
    is still cached, and need not allocate its tensors again, which can take a third as long as the run.
    """

    def __init__(self, content: bytes) -> None:
        self._model = content
        self._idle: list[_Interpreter] = []
        self._lock = Lock()

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        interpreter = self._taken(batch.shape)
        answers = interpreter.run(batch)
        with self._lock:
            self._idle.append(interpreter)
        return answers

    def _taken(self, shape: tuple[int, ...]) -> "_Interpreter":
        with self._lock:
            # Another number of examples costs nothing.
            alike = [place for place, each in enumerate(self._idle) if each.shape[1:] == shape[1:]]
            if alike:
                return self._idle.pop(alike[-1])
            if len(self._idle) >= KEPT:
                return self._idle.pop(0)
        return _Interpreter(self._model)


class _Interpreter:
    """A LiteRT interpreter and the shape of its input."""

    def __init__(self, content: bytes) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._interpreter = Interpreter(model_content=content, num_threads=1)
        self._interpreter.allocate_tensors()
        entry, leave = self._interpreter.get_input_details()[0], self._interpreter.get_output_details()[0]
        self._entry, self._leave, self.shape = entry["index"], leave["index"], tuple(entry["shape"])

    def run(self, batch: np.ndarray) -> np.ndarray:
        if batch.shape != self.shape:
            self._interpreter.resize_tensor_input(self._entry, batch.shape)
            self._interpreter.allocate_tensors()
            self.shape = batch.shape
        self._interpreter.set_tensor(self._entry, np.ascontiguousarray(batch, np.float32))
        self._interpreter.invoke()
        return np.asarray(self._interpreter.get_tensor(self._leave))


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
