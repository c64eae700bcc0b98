"""Frames -> probabilities: the LiteRT and the Keras runtime behind one Protocol."""

import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from .framing import SIDE

CLASSES = 11
"""Ten digits and "not one digit"."""

NOT_A_DIGIT = 10


class Classifier(Protocol):
    def classify(self, frames: np.ndarray) -> np.ndarray:
        """Return probabilities float32 (n, 11) for frames float32 (n, 28, 28)."""


class LiteRTClassifier:
    """The version's LiteRT export. Threads may share it: each has an interpreter of its own."""

    def __init__(self, content: bytes) -> None:
        self._model = content
        self._local = threading.local()

    def classify(self, frames: np.ndarray) -> np.ndarray:
        interpreter = self._interpreter()
        entry, leave = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
        shape = (len(frames), SIDE, SIDE, 1)
        if tuple(entry["shape"]) != shape:
            interpreter.resize_tensor_input(entry["index"], shape)
            interpreter.allocate_tensors()
        interpreter.set_tensor(entry["index"], np.ascontiguousarray(frames, np.float32).reshape(shape))
        interpreter.invoke()
        return np.asarray(interpreter.get_tensor(leave["index"]))

    def _interpreter(self) -> Any:
        interpreter = getattr(self._local, "interpreter", None)
        if interpreter is None:
            from ai_edge_litert.interpreter import Interpreter

            interpreter = Interpreter(model_content=self._model, num_threads=1)
            interpreter.allocate_tensors()
            self._local.interpreter = interpreter
        return interpreter


class KerasClassifier:
    """The network itself. Slower and larger, it is the truth the export is held to."""

    def __init__(self, content: bytes) -> None:
        import keras

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "digits.keras"
            path.write_bytes(content)
            self._network = keras.models.load_model(path, compile=False, safe_mode=True)

    def classify(self, frames: np.ndarray) -> np.ndarray:
        return np.asarray(self._network(frames[..., None], training=False))


RUNTIMES: dict[str, Callable[[bytes], Classifier]] = {"litert": LiteRTClassifier, "keras": KerasClassifier}


def load_classifier(content: bytes, runtime: str) -> Classifier:
    """Load a version's network and warm it.

    content: of `digits.tflite` for runtime "litert", of `digits.keras` for "keras".
    Raises ValueError where the content is no network that answers frames with 11 probabilities.
    """
    try:
        classifier: Classifier = RUNTIMES[runtime](content)
        answer = classifier.classify(np.zeros((2, SIDE, SIDE), np.float32))
    except Exception as error:  # Each runtime fails in its own ways; all mean that this file cannot serve.
        raise ValueError(f"this is no network the {runtime} runtime can load: {error}") from error
    if answer.shape != (2, CLASSES):
        raise ValueError(f"the network answers with shape {answer.shape}, not (2, {CLASSES})")
    return classifier
