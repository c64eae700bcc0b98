import numpy as np
import pytest

from recognizer.reading.framing import frame


def centre_of_mass(image: np.ndarray) -> tuple[float, float]:
    rows, columns = np.indices(image.shape)
    return float((rows * image).sum() / image.sum()), float((columns * image).sum() / image.sum())


@pytest.mark.parametrize("shape", [(100, 30), (30, 100), (7, 5), (400, 400)])
def test_the_longest_side_becomes_twenty_pixels(shape: tuple[int, int]) -> None:
    ink = np.pad(np.ones(shape, np.float32), 9)
    framed = frame(ink)
    rows, columns = framed.any(axis=1).sum(), framed.any(axis=0).sum()
    assert framed.shape == (28, 28)
    assert max(rows, columns) == 20


def test_the_centre_of_mass_lies_at_the_centre() -> None:
    ink = np.zeros((80, 80), np.float32)
    ink[10:70, 30:36] = 1
    ink[10:20, 30:60] = 1
    row, column = centre_of_mass(frame(ink))
    assert abs(row - 14) <= 0.51
    assert abs(column - 14) <= 0.51


def test_framing_an_mnist_image_gives_it_back(mnist_test: tuple[np.ndarray, np.ndarray]) -> None:
    images, _ = mnist_test
    differences = [np.abs(frame(image / np.float32(255)) - image / 255).mean() for image in images[:200]]
    assert np.mean(differences) < 0.02


def test_faint_ink_is_brought_to_full_strength() -> None:
    assert frame(np.full((40, 20), 0.3, np.float32)).max() == 1.0


def test_no_ink_gives_an_empty_frame() -> None:
    assert not frame(np.zeros((50, 50), np.float32)).any()
