"""Teach the serving network what its users corrected, without letting it forget what it knew."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from queue import Queue

import keras
import numpy as np

from recognizer.reading.classifier import CLASSES, NOT_A_DIGIT

from .augmentation import augment
from .datasets import Examples, augmented, framed

TELL_EVERY = 12
FEWEST_STEPS, MOST_STEPS = 120, 360


def steps_for(corrections: int) -> int:
    """Say how many steps a number of corrected digits is worth: few would be learnt by heart, wrong ones too."""
    return int(np.clip(60 + corrections, FEWEST_STEPS, MOST_STEPS))


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a fine-tuning besides the data."""

    steps: int = MOST_STEPS
    batch_size: int = 128
    share: float = 0.3
    """Share of each batch that comes from corrections; the rest is replay."""

    peak_rate: float = 3e-4
    average: float = 0.98
    as_before: float = 0.9
    """Weight of the serving network's own answer in the target of a replayed example; the label has the rest."""

    seed: int = 1


@dataclass(frozen=True)
class Step:
    """Where a fine-tuning is. loss and accuracy are averages since the step told before."""

    number: int
    steps: int
    loss: float
    accuracy: float


def fine_tune(
    champion: keras.Model,
    corrections: Examples,
    replay: Examples,
    recipe: Recipe,
    tell: Callable[[Step], None] = lambda step: None,
) -> keras.Model:
    """Train a copy of a network on corrections and a class-balanced replay of what it was trained on.

    Replayed examples keep the champion's own answer in their target (Li and Hoiem, "Learning without
    forgetting", 2016), and batch statistics stay frozen, so that what is not corrected stays as it was.
    Returns the running average of the weights. corrections: labels 0 to 10, 10 for "not one digit".
    """
    keras.utils.set_random_seed(recipe.seed)
    network = keras.models.clone_model(champion)
    network.set_weights(champion.get_weights())
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    warmup = recipe.steps // 10
    rate = keras.optimizers.schedules.CosineDecay(
        recipe.peak_rate / 20, recipe.steps - warmup, warmup_target=recipe.peak_rate, warmup_steps=warmup
    )
    optimizer = keras.optimizers.Adam(rate, use_ema=True, ema_momentum=recipe.average)
    network.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])
    sums, told = {"loss": 0.0, "accuracy": 0.0}, 0
    with _Ahead(_batches(corrections, replay, recipe)) as batches:
        for number in range(1, recipe.steps + 1):
            frames, targets, replayed = next(batches)
            before = np.asarray(champion(frames[replayed], training=False))
            targets[replayed] = recipe.as_before * before + (1 - recipe.as_before) * targets[replayed]
            measured = network.train_on_batch(frames, targets, return_dict=True)
            for name in sums:
                sums[name] += float(measured[name])
            if number % TELL_EVERY == 0 or number == recipe.steps:
                loss, accuracy = (total / (number - told) for total in sums.values())
                tell(Step(number, recipe.steps, loss, accuracy))
                sums, told = dict.fromkeys(sums, 0.0), number
    optimizer.finalize_variable_values(network.trainable_variables)
    return network


def _batches(corrections: Examples, replay: Examples, recipe: Recipe) -> Iterator[tuple[np.ndarray, ...]]:
    """Yield frames float32 (b, 28, 28, 1), one-hot targets float32 (b, 11) and which rows are replay, bool (b,)."""
    corrected = round(recipe.share * recipe.batch_size)
    by_class = [np.flatnonzero(replay.labels == digit) for digit in range(NOT_A_DIGIT)]
    one_hot = np.eye(CLASSES, dtype=np.float32)
    replayed = np.arange(recipe.batch_size) >= corrected
    for step in range(recipe.steps):
        rng = np.random.default_rng((recipe.seed, step))
        chosen = rng.integers(len(corrections), size=corrected)
        inks = corrections.images[chosen].astype(np.float32) / 255
        taught = np.stack([augment(ink, rng) for ink in inks])
        digits = np.arange(recipe.batch_size - corrected) % NOT_A_DIGIT
        indices = np.array([rng.choice(by_class[digit]) for digit in digits])
        # Half of it as it is: that is what the network will be judged on.
        rng.shuffle(indices)
        plain, rest = indices[: len(indices) // 2], indices[len(indices) // 2 :]
        bent, labels = augmented(replay, rest, int(rng.integers(2**31)))
        frames = np.concatenate([taught, framed(replay.images[plain]), bent])[..., None]
        yield frames, one_hot[np.concatenate([corrections.labels[chosen], replay.labels[plain], labels])], replayed


class _Ahead:
    """Run an iterator in a thread, a few items ahead: the libraries below release the interpreter."""

    def __init__(self, items: Iterator[tuple[np.ndarray, ...]], ahead: int = 4) -> None:
        self.queue: Queue[tuple[np.ndarray, ...] | BaseException] = Queue(ahead)
        self.items = items
        self.stopped = False

    def __enter__(self) -> Iterator[tuple[np.ndarray, ...]]:
        threading.Thread(target=self._fill, daemon=True).start()
        return self._taken()

    def __exit__(self, *error: object) -> None:
        self.stopped = True
        while not self.queue.empty():
            self.queue.get_nowait()

    def _fill(self) -> None:
        try:
            for item in self.items:
                if self.stopped:
                    return
                self.queue.put(item)
        except BaseException as error:
            self.queue.put(error)

    def _taken(self) -> Iterator[tuple[np.ndarray, ...]]:
        while True:
            item = self.queue.get()
            if isinstance(item, BaseException):
                raise item
            yield item
