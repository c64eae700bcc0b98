import cv2
import numpy as np

from recognizer.reading import Reader
from recognizer.reading.classifier import CLASSES
from recognizer.reading.explanation import WIDTH, explain
from recognizer.reading.occlusion import heat_strip, occlusion


class TopHalfClassifier:
    """Its probability of a 3 grows with the ink in the upper half."""

    def classify(self, frames: np.ndarray) -> np.ndarray:
        share = frames[:, :14].mean(axis=(1, 2)) * 0.9 + 0.01
        probabilities = np.repeat((1 - share)[:, None] / (CLASSES - 1), CLASSES, axis=1).astype(np.float32)
        probabilities[:, 3] = share
        return probabilities


def test_occlusion_map_marks_the_decisive_strokes() -> None:
    frame = np.ones((28, 28), np.float32)
    heat = occlusion(TopHalfClassifier(), frame, 3)
    assert heat[:10].mean() > 0.5
    assert heat[20:].max() < 0.1


def test_heat_strip_colours_the_requested_frames() -> None:
    frames = np.ones((3, 28, 28), np.float32)
    strip = cv2.imdecode(np.frombuffer(heat_strip(TopHalfClassifier(), frames, [3, 3, 3], 2), np.uint8), 1)
    assert strip.shape == (28, 84, 3)
    blue, red = strip[..., 0].astype(int), strip[..., 2].astype(int)
    warm = (red - blue) > 60
    assert warm[:, :56].any()
    assert not warm[:, 56:].any()


def test_explanation_is_drawn_with_and_without_a_number(
    shipped_reader: Reader, one_of_each: dict[int, np.ndarray]
) -> None:
    number = np.hstack([255 - one_of_each[4], 255 - one_of_each[2]])
    for page in (number, np.full((40, 40), 255, np.uint8)):
        picture = cv2.imdecode(np.frombuffer(explain(shipped_reader, page), np.uint8), 1)
        assert picture.shape[1] == WIDTH
