from pathlib import Path

import keras
import numpy as np
import pytest

from recognizer.reading.ctc import score_texts
from recognizer.reading.line_reader import SHIPPED_LINE_READER
from recognizer.reading.runtime import load_network
from recognizer.reading.spotter import BLANK, HEIGHT
from training.networks import line_network
from training.networks.architectures import build_spotter
from training.networks.line_network import (
    folded,
    folded_in,
    in_full,
    line_reader_from,
    load_start,
    temporal_loss,
    whole_text,
    write_start,
)
from training.synthesis.line_targets import encoded


def probabilities(rng: np.random.Generator, columns: int) -> np.ndarray:
    scores = np.exp(rng.normal(0, 2, (3, columns, 11)))
    return np.asarray(scores / scores.sum(axis=2, keepdims=True), np.float32)


def texts(*wanted: tuple[int, ...]) -> np.ndarray:
    padded = np.full((len(wanted), 8), 11, np.uint8)
    for row, text in enumerate(wanted):
        padded[row, : len(text)] = text
    return encoded(padded)


@pytest.mark.usefixtures("stepwise")
def test_new_line_reader_gives_its_spotters_output(rng: np.random.Generator, tmp_path: Path) -> None:
    spotter = build_spotter()
    for layer in spotter.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 1.5, weight.shape) for weight in layer.get_weights()])
    strips = rng.random((4, HEIGHT, 64)).astype(np.float32)
    write_start(spotter, tmp_path / "start.npz")
    arrays = load_start(tmp_path / "start.npz")
    assert set(arrays) == set(folded(spotter))
    network = in_full(line_reader_from(arrays, strips))
    expected = np.asarray(spotter(strips[..., None], training=False))
    assert np.abs(np.asarray(network(strips[..., None], training=False)) - expected).max() < 0.02


def test_shipped_start_weights_fit_the_spotter() -> None:
    arrays = load_start()
    assert arrays["kernel-logits"].shape[1] == BLANK + 1
    assert line_network.START.stat().st_size < 500_000


def test_line_reader_starts_from_its_export(rng: np.random.Generator) -> None:
    strips = rng.random((4, HEIGHT, 64)).astype(np.float32)
    content = SHIPPED_LINE_READER.read_bytes()
    network = in_full(line_reader_from(folded_in(content), strips))
    exported = load_network(content, "litert", (1, HEIGHT, 64, 1), (1, 32, BLANK + 1))
    expected = exported(strips[..., None])
    assert np.abs(np.asarray(network(strips[..., None], training=False)) - expected).mean() < 0.005


def test_ctc_loss_matches_the_readers_scores(rng: np.random.Generator) -> None:
    answers = probabilities(rng, 12)
    wanted = [(3, 3, 1), (7,), (0, 1, 2, 3)]
    expected = [-score_texts(np.log(answer), [text])[0] for answer, text in zip(answers, wanted, strict=True)]
    assert np.asarray(temporal_loss(texts(*wanted), answers)) == pytest.approx(expected, rel=1e-4)


def test_ctc_loss_of_no_text_is_that_of_blanks(rng: np.random.Generator) -> None:
    answers = probabilities(rng, 12)
    expected = -np.log(answers[:2, :, BLANK]).sum(axis=1)
    assert np.asarray(temporal_loss(texts((), (), (7,)), answers))[:2] == pytest.approx(expected, rel=1e-4)
    blank = np.zeros((2, 5, 11), np.float32)
    blank[0, :, BLANK], blank[1, :, 4] = 1, 1
    assert np.asarray(whole_text(texts((), ()), blank)).tolist() == [1, 0]


def test_reading_is_right_only_as_a_whole() -> None:
    answers = np.zeros((3, 8, 11), np.float32)
    labels = [BLANK, 4, 4, BLANK, 4, 2, BLANK, BLANK]
    answers[:, np.arange(8), labels] = 1.0
    assert np.asarray(whole_text(texts((4, 4, 2), (4, 2), (4, 4, 2, 2)), answers)).tolist() == [1, 0, 0]
