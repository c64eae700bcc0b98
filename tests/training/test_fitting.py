import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from training.networks import fitting, model_card
from training.networks.architectures import answering, build_network, build_spotter, convolution, multiply_adds
from training.networks.line_network import line_reader_from
from training.synthesis import grey_targets, line_targets
from training.synthesis.datasets import Mnist, augmented, framed

LITTLE = fitting.Recipe(epochs=2, batch_size=64, average=0.5)


def build_tiny() -> keras.Model:
    """A tiny network with a layer of each kind."""
    frames = keras.Input((28, 28, 1))
    return answering(frames, convolution(frames, 4, strides=4), "tiny")


TINY = replace(fitting.DIGITS, build=build_tiny)


class Teacher:
    """Answers every frame with the same probabilities."""

    def __init__(self, answer: Sequence[float] | np.ndarray) -> None:
        self.answer = np.asarray(answer, np.float32)

    def __call__(self, frames: Any, training: bool) -> Any:
        return keras.ops.broadcast_to(self.answer, (*keras.ops.shape(frames)[:1], 11))


class Killed(Exception):
    pass


def clock_that_dies_after(calls: int) -> Callable[[], float]:
    count = iter(range(10_000))

    def clock() -> float:
        if next(count) >= calls:
            raise Killed
        return 0.0

    return clock


def test_started_classifier_begins_with_the_weights_of_its_file(little_mnist: Mnist, tmp_path: Path) -> None:
    network = build_tiny()
    network.save(tmp_path / "digits.keras")
    task, recipe = fitting.started(TINY, fitting.RECIPES["digits"], tmp_path / "digits.keras", little_mnist)
    for expected, weights in zip(network.get_weights(), task.build().get_weights(), strict=True):
        np.testing.assert_array_equal(weights, expected)
    assert recipe.start
    assert (recipe.rounds, recipe.finishing) == (0, 0)


def test_mixed_weights_have_the_share_of_the_start() -> None:
    start, network = build_tiny(), build_tiny()
    after = [weights + 1 for weights in start.get_weights()]
    network.set_weights(after)
    fitting.mix_with_start(network, start, 0.25)
    for before, weights in zip(start.get_weights(), network.get_weights(), strict=True):
        np.testing.assert_allclose(weights, before + 0.75, rtol=1e-5)


@pytest.mark.slow
def test_compiled_and_in_processes_the_same_network_is_trained(
    little_mnist: Mnist, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    once = replace(LITTLE, epochs=1)
    compiled, _ = fitting.fit(TINY, little_mnist, once, tmp_path / "compiled", lambda: 0.0)
    request.getfixturevalue("stepwise")
    stepwise, _ = fitting.fit(TINY, little_mnist, once, tmp_path / "stepwise", lambda: 0.0)
    for expected, weights in zip(compiled.get_weights(), stepwise.get_weights(), strict=True):
        assert np.allclose(expected, weights, atol=1e-3)


@pytest.mark.usefixtures("stepwise")
def test_a_killed_training_continues_to_the_same_network(little_mnist: Mnist, tmp_path: Path) -> None:
    whole, _ = fitting.fit(TINY, little_mnist, LITTLE, tmp_path / "whole", lambda: 0.0)
    with pytest.raises(Killed):
        fitting.fit(TINY, little_mnist, LITTLE, tmp_path / "parts", clock_that_dies_after(3))
    parts, progress = fitting.fit(TINY, little_mnist, LITTLE, tmp_path / "parts", lambda: 0.0)
    assert progress.epoch == 2
    assert len(progress.history["validation_accuracy"]) == 2
    frames = framed(little_mnist.test.images)[..., None]
    expected, answer = (network.predict(frames, verbose=0) for network in (whole, parts))
    assert np.abs(expected - answer).max() < 0.05


@pytest.mark.usefixtures("stepwise")
def test_training_is_followed_by_settling_rounds(little_mnist: Mnist, tmp_path: Path) -> None:
    recipe = replace(LITTLE, epochs=1, settling=1, rounds=2)
    network, progress = fitting.fit_settled(TINY, little_mnist, recipe, tmp_path, lambda: 0.0)
    assert progress.epoch == 3
    assert len(progress.history["loss"]) == 3
    again, _ = fitting.fit_settled(TINY, little_mnist, recipe, tmp_path, lambda: 0.0)
    frames = framed(little_mnist.test.images)[..., None]
    assert np.allclose(network.predict(frames, verbose=0), again.predict(frames, verbose=0), atol=1e-5)


@pytest.mark.usefixtures("stepwise")
def test_last_round_has_no_teacher_and_counts_half(little_mnist: Mnist, tmp_path: Path) -> None:
    recipe = replace(LITTLE, epochs=1)
    before, _ = fitting.fit_settled(TINY, little_mnist, recipe, tmp_path, lambda: 0.0)
    # The checkpoint includes all but the last round.
    state = tmp_path / "checkpoint" / "progress.json"
    finished = replace(recipe, finishing=1)
    state.write_text(json.dumps(json.loads(state.read_text()) | {"recipe": asdict(finished)}))
    lost = replace(TINY, teacher=Teacher([np.nan] * 11))
    network, progress = fitting.fit_settled(lost, little_mnist, finished, tmp_path, lambda: 0.0)
    assert progress.epoch == 2
    last = keras.models.load_model(tmp_path / "finishing" / "epoch-001.keras")
    last.optimizer.finalize_variable_values(last.trainable_variables)
    for half, first, second in zip(network.get_weights(), before.get_weights(), last.get_weights(), strict=True):
        assert np.allclose(half, (first + second) / 2, atol=1e-6)


@pytest.mark.usefixtures("stepwise")
def test_network_learns_teacher_outputs_besides_labels(little_mnist: Mnist, tmp_path: Path) -> None:
    long = replace(LITTLE, epochs=8, peak_rate=0.03)
    alone, _ = fitting.fit(TINY, little_mnist, long, tmp_path / "alone", lambda: 0.0)
    threes_only = replace(TINY, teacher=Teacher(np.eye(11)[3]))
    taught, _ = fitting.fit(threes_only, little_mnist, long, tmp_path / "taught", lambda: 0.0)
    frames = framed(little_mnist.test.images)[..., None]
    # As in training, by the batch's own statistics: so few steps leave no others.
    threes = [float(np.mean(network(frames, training=True)[:, 3])) for network in (alone, taught)]
    assert threes[0] < 0.25
    assert 0.4 < threes[1] < 0.7


@pytest.mark.usefixtures("stepwise")
def test_checkpoint_of_another_recipe_is_refused(little_mnist: Mnist, tmp_path: Path) -> None:
    once = replace(LITTLE, epochs=1)
    fitting.fit(TINY, little_mnist, once, tmp_path, lambda: 0.0)
    with pytest.raises(ValueError, match="another recipe"):
        fitting.fit(TINY, little_mnist, LITTLE, tmp_path, lambda: 0.0)


@pytest.mark.usefixtures("stepwise")
def test_the_network_answers_frames_with_eleven_probabilities(little_mnist: Mnist) -> None:
    network = build_network()
    frames, _ = augmented(little_mnist.train, np.arange(4), 1)
    answer = network.predict(frames[..., None], verbose=0)
    assert answer.shape == (4, 11)
    assert np.allclose(answer.sum(axis=1), 1, atol=1e-5)
    assert 1e6 < multiply_adds(network) < 30e6


@pytest.mark.usefixtures("stepwise")
def test_spotter_output_has_half_the_columns_of_any_strip(little_mnist: Mnist) -> None:
    spotter = build_spotter((4, 4, 4))
    for columns in (32, 90):
        answer = spotter.predict(np.zeros((2, 40, columns, 1), np.float32), verbose=0)
        assert answer.shape == (2, columns // 2, 11)


@pytest.mark.usefixtures("stepwise")
def test_train_command_trains_the_spotter(little_mnist: Mnist, tmp_path: Path) -> None:
    task = replace(fitting.SPOTTER, build=lambda: build_spotter((4, 4, 4)), per_epoch=lambda examples, batch_size: 3)
    recipe = replace(LITTLE, epochs=1, batch_size=8)
    spotter, progress = fitting.fit(task, little_mnist, recipe, tmp_path, lambda: 0.0)
    assert 0 < progress.history["validation_accuracy"][0] < 1
    assert spotter.predict(np.zeros((1, 40, 64, 1), np.float32), verbose=0).shape == (1, 32, 11)


@pytest.mark.usefixtures("stepwise")
@pytest.mark.parametrize("kind", ["lines", "grey"])
def test_reader_of_whole_lines_trains_on_its_strips(
    little_mnist: Mnist, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    for name in ("FILES", "NUMBER_FILES", "FIRST_FILES"):
        monkeypatch.setattr(line_targets, name, 1)
    for module in (line_targets, grey_targets):
        monkeypatch.setattr(module, "PAGES", 40)
    chosen = fitting.STRIP_TASKS[kind]
    line_targets.write_strips(partial(chosen.file, little_mnist.train, 1), tmp_path, 1)
    strips, texts = line_targets.unpacked(line_targets.load_strips(tmp_path, range(1)))
    task = fitting.strips_task(kind, little_mnist.train, tmp_path, lambda: line_reader_from(chosen.start(), strips))
    network = task.build()
    network.compile("sgd", task.loss, metrics=[keras.metrics.MeanMetricWrapper(task.metric, "right")])
    batch, wanted = task.batch(little_mnist.train, 8, 1, 0)
    assert network.train_on_batch(batch[..., None], task.encode(wanted), return_dict=True)["loss"] > 0
    # It starts from a network that reads such lines.
    measured = network.evaluate(strips[..., None], task.plain(texts), verbose=0, return_dict=True)
    assert measured["right"] > 0.4


def test_libraries_named_in_the_card_are_installed() -> None:
    assert all(model_card._version(library) for library in model_card.LIBRARIES)
