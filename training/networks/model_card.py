"""A version's model card: the network, its training, and its measured accuracy, in numbers and pictures."""

import platform
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import keras
import matplotlib
import numpy as np

from recognizer.reading import frames_strip
from training.evaluation.measures import Result, confusion_matrix
from training.synthesis.datasets import Mnist, framed

from .architectures import CONVOLUTIONS
from .fitting import Progress

LIBRARIES = ("keras", "tensorflow", "numpy", "opencv-python-headless", "scikit-image", "ai-edge-litert")
WORST = 24


def make_card(name: str, command: str, network: keras.Model, progress: Progress, mnist: Mnist) -> dict[str, Any]:
    """Describe a trained network: architecture, training data and progress of training."""
    return {
        "name": name,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "network": {
            "name": network.name,
            "layers": sum(isinstance(layer, CONVOLUTIONS) for layer in network.layers) + 1,
            "parameters": network.count_params(),
        },
        "data": {
            "name": "MNIST (LeCun, Cortes, Burges)",
            "licence": "CC BY-SA 3.0",
            "train": len(mnist.train),
            "validation": len(mnist.validation),
            "test": len(mnist.test),
        },
        "training": {
            "command": command,
            **asdict(progress.recipe),
            "seconds": round(progress.seconds),
            "versions": {"python": platform.python_version()} | {library: _version(library) for library in LIBRARIES},
        },
        "metrics": {"validation_accuracy": progress.history["validation_accuracy"][-1]},
        "history": progress.history,
    }


def test_metrics(test: Result, mnist: Mnist) -> dict[str, Any]:
    """Return the card's metrics of MNIST's test images, read by the whole reader."""
    matrix = confusion_of(test, mnist)
    return {
        "test_accuracy": test.accuracy,
        "test_errors": test.count - sum(test.right),
        "test_interval": [round(bound, 6) for bound in test.interval],
        "calibration_error": round(test.calibration, 6),
        "mean_confidence": round(float(np.mean(test.confidences)), 6),
        "confusion": matrix.tolist(),
        "recall": [
            round(float(matrix[digit, digit] / max(1, (mnist.test.labels == digit).sum())), 6) for digit in range(10)
        ],
    }


def add_test(card: dict[str, Any], test: Result, mnist: Mnist, folder: Path) -> None:
    """Add a version's results on MNIST's test images to its card, and their pictures to a folder."""
    card["metrics"] |= test_metrics(test, mnist)
    card["mistakes"] = mistakes_as_json(test)
    draw_pictures(card, test, folder)


def mistakes_as_json(test: Result) -> list[dict[str, Any]]:
    """Return the worst errors as stored in the card, in the order of the strip of their frames."""
    return [
        {"truth": int(sample.text), "read": reading.digits[0].label, "confidence": reading.confidence}
        for sample, reading in worst_mistakes(test)
    ]


def _version(library: str) -> str:
    # On some platforms TensorFlow is another distribution with the same import name.
    return installed("tensorflow-cpu" if library == "tensorflow" and platform.machine() == "x86_64" else library)


def worst_mistakes(test: Result) -> list[tuple[Any, Any]]:
    """Return the single digits misread with the highest confidence, worst first."""
    single = [(sample, reading) for sample, reading in test.mistakes if len(reading.digits) == 1]
    return sorted(single, key=lambda mistake: -mistake[1].confidence)[:WORST]


def confusion_of(test: Result, mnist: Mnist) -> np.ndarray:
    """Count confusions of test images that were read as one digit. Returns int (10, 10), a row for each truth."""
    wrong = {sample.name: reading for sample, reading in test.mistakes}
    pairs = []
    for number, label in enumerate(mnist.test.labels):
        reading = wrong.get(f"mnist {number}")
        if reading is None:
            pairs.append((int(label), int(label)))
        elif len(reading.digits) == 1:
            pairs.append((int(label), reading.digits[0].label))
    return confusion_matrix(pairs)


def draw_pictures(card: dict[str, Any], test: Result, folder: Path) -> None:
    """Draw `curves.png`, `confusion.png` and `mistakes.png`, the frames of the worst errors."""
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    history = card["history"]
    epochs = range(1, len(history["loss"]) + 1)
    for name, label in (("loss", "training (augmented)"), ("validation_loss", "validation")):
        left.plot(epochs, history[name], label=label)
    for name, label in (("accuracy", "training (augmented)"), ("validation_accuracy", "validation")):
        right.plot(epochs, [1 - value for value in history[name]], label=label)
    left.set(title="Loss", xlabel="epoch", yscale="log")
    right.set(title="Error rate", xlabel="epoch", yscale="log")
    left.legend(frameon=False)
    figure.savefig(folder / "curves.png", dpi=110)
    pyplot.close(figure)

    matrix = np.array(card["metrics"]["confusion"])
    off = np.where(np.eye(10, dtype=bool), 0, matrix)
    figure, axes = pyplot.subplots(figsize=(4.6, 4.4), layout="constrained")
    axes.imshow(off, cmap="Reds", vmin=0, vmax=max(4, off.max()))
    for truth in range(10):
        for read in range(10):
            if matrix[truth, read]:
                axes.text(read, truth, matrix[truth, read], ha="center", va="center", fontsize=7)
    axes.set(title="MNIST test", xlabel="read", ylabel="truth", xticks=range(10), yticks=range(10))
    figure.savefig(folder / "confusion.png", dpi=110)
    pyplot.close(figure)

    draw_mistakes(test, folder)


def draw_mistakes(test: Result, folder: Path) -> None:
    """Write `mistakes.png`, the frames of the worst errors side by side."""
    frames = [reading.digits[0].frame for _, reading in worst_mistakes(test)]
    (folder / "mistakes.png").write_bytes(frames_strip(frames or list(framed(np.zeros((1, 28, 28), np.uint8)))))
