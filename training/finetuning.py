"""Teach the serving network what its users corrected, without letting it forget what it knew."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from queue import Queue

import keras
import numpy as np

from recognizer.reading.classifier import CLASSES

from .augmentation import augment
from .datasets import Examples, augmented, framed

TELL_EVERY = 12
PROBED, DOUBTFUL = 20_000, 0.1
"""How many replayed examples the serving network is asked about, and the share of each class it is least sure of."""

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

    way: float = 0.5
    """How far to go from the serving network's weights to those learnt: half-way there what is new is known, and little
    of what is old lost."""

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
    Returns the running average of the weights, brought part of the way back to the champion's (Wortsman et al.,
    "Robust fine-tuning of zero-shot models", 2022). corrections: labels 0 to 10, 10 for "not one digit".
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
    with _Ahead(_batches(corrections, replay, _doubtful(champion, replay, recipe.seed), recipe)) as batches:
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
    ways = zip(champion.get_weights(), network.get_weights(), strict=True)
    network.set_weights([before + recipe.way * (after - before) for before, after in ways])
    return network


def _doubtful(champion: keras.Model, replay: Examples, seed: int) -> Examples:
    """Keep the examples of each class that a network is least sure of: the first that it would forget."""
    some = np.random.default_rng(seed).permutation(len(replay))[:PROBED]
    answers = champion.predict(framed(replay.images[some])[..., None], batch_size=500, verbose=0)
    labels = replay.labels[some]
    sure = answers[np.arange(len(some)), labels]
    kept = []
    for digit in np.unique(labels):
        of_class = np.flatnonzero(labels == digit)
        kept.append(of_class[np.argsort(sure[of_class])][: max(1, round(DOUBTFUL * len(of_class)))])
    chosen = some[np.concatenate(kept)]
    return Examples(replay.images[chosen], replay.labels[chosen])


def _batches(
    corrections: Examples, replay: Examples, doubtful: Examples, recipe: Recipe
) -> Iterator[tuple[np.ndarray, ...]]:
    """Yield frames float32 (b, 28, 28, 1), one-hot targets float32 (b, 11) and which rows are replay, bool (b,)."""
    corrected = round(recipe.share * recipe.batch_size)
    one_hot = np.eye(CLASSES, dtype=np.float32)
    replayed = np.arange(recipe.batch_size) >= corrected
    for step in range(recipe.steps):
        rng = np.random.default_rng((recipe.seed, step))
        chosen = rng.integers(len(corrections), size=corrected)
        inks = corrections.images[chosen].astype(np.float32) / 255
        taught = np.stack([augment(ink, rng) for ink in inks])
        # Half of the replay is bent; of the rest, as it will be judged, half is what the champion was in doubt about.
        replays = recipe.batch_size - corrected
        unsure, plain = replays // 4, replays // 2 - replays // 4
        doubts = _balanced(doubtful, unsure, rng)
        whole = _balanced(replay, replays - unsure, rng)
        asis = np.concatenate([doubtful.images[doubts], replay.images[whole[:plain]]])
        bent, labels = augmented(replay, whole[plain:], int(rng.integers(2**31)))
        frames = np.concatenate([taught, framed(asis), bent])[..., None]
        answers = [corrections.labels[chosen], doubtful.labels[doubts], replay.labels[whole[:plain]], labels]
        yield frames, one_hot[np.concatenate(answers)], replayed


def _balanced(examples: Examples, count: int, rng: np.random.Generator) -> np.ndarray:
    """Choose so many examples, as many of each class: indices (count,), in no order."""
    by_class = [np.flatnonzero(examples.labels == digit) for digit in np.unique(examples.labels)]
    chosen = np.array([rng.choice(by_class[number % len(by_class)]) for number in range(count)])
    return rng.permutation(chosen)


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
