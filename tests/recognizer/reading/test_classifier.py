import threading
from pathlib import Path

import numpy as np
import pytest

from recognizer.reading import load_classifier
from training.synthesis.datasets import Mnist, framed

SHIPPED = Path(__file__).parents[3] / "training" / "shipped"


@pytest.fixture(scope="module")
def frames(mnist_test: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    return framed(mnist_test[0][:64])


def test_8_bit_export_gives_the_labels_of_the_keras_network(mnist: Mnist) -> None:
    frames = framed(mnist.validation.images)
    litert = load_classifier((SHIPPED / "digits.tflite").read_bytes(), "litert").classify(frames)
    keras = load_classifier((SHIPPED / "digits.keras").read_bytes(), "keras").classify(frames)
    assert (litert.argmax(axis=1) != keras.argmax(axis=1)).sum() <= len(frames) / 1000
    assert np.abs(litert - keras).mean() < 0.0005


def test_frames_in_one_batch_get_the_same_probabilities(frames: np.ndarray) -> None:
    classifier = load_classifier((SHIPPED / "digits.tflite").read_bytes(), "litert")
    together = classifier.classify(frames[:9])
    alone = np.concatenate([classifier.classify(frame[None]) for frame in frames[:9]])
    assert np.abs(together - alone).max() < 1e-5
    assert np.allclose(together.sum(axis=1), 1, atol=1e-5)


def test_threads_share_a_classifier_without_mixing_answers(frames: np.ndarray) -> None:
    classifier = load_classifier((SHIPPED / "digits.tflite").read_bytes(), "litert")
    expected = classifier.classify(frames)
    wrong: list[int] = []

    def work(offset: int) -> None:
        for start in range(offset, len(frames) - 3):
            answer = classifier.classify(frames[start : start + 3])
            if np.abs(answer - expected[start : start + 3]).max() > 1e-5:
                wrong.append(start)

    threads = [threading.Thread(target=work, args=(offset,)) for offset in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("runtime", ["litert", "keras"])
@pytest.mark.parametrize("content", [b"", b"no network at all"])
def test_file_that_is_not_a_network_is_refused(runtime: str, content: bytes) -> None:
    with pytest.raises(ValueError, match="not a network"):
        load_classifier(content, runtime)


def test_a_truncated_network_is_refused() -> None:
    whole = (SHIPPED / "digits.tflite").read_bytes()
    with pytest.raises(ValueError, match="not a network"):
        load_classifier(whole[: len(whole) // 2], "litert")
