"""Fine-tune the current network on corrections, without forgetting what it knew."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from recognizer.reading.classifier import CLASSES
from training.synthesis.augmentation import augment
from training.synthesis.datasets import Examples, augmented, framed

STEPS_PER_REPORT = 12
SCORED, DOUBTFUL = 20_000, 0.1
"""Number of MNIST examples scored by the current network, and the share of each class kept as least confident."""

MIN_STEPS, MAX_STEPS = 120, 360


def steps_for(corrections: int) -> int:
    """Return the number of steps for a number of corrected digits. Too many steps memorise few, also wrong, labels."""
    return int(np.clip(60 + corrections, MIN_STEPS, MAX_STEPS))


@dataclass(frozen=True)
class FineTuneRecipe:
    """Hyperparameters of a fine-tuning."""

    steps: int = MAX_STEPS
    batch_size: int = 128
    share: float = 0.3
    """Share of each batch that are corrections; the rest are MNIST examples (replay)."""

    peak_rate: float = 3e-4
    average: float = 0.98
    as_before: float = 0.9
    """Weight of the current network's output in the target of a replayed example. The label has the rest."""

    way: float = 0.5
    """Weight of the new weights when averaged with the old ones. 0.5 keeps most old accuracy while learning the
    corrections."""

    seed: int = 1

    @property
    def corrected(self) -> int:
        """Number of corrections in a batch."""
        return round(self.share * self.batch_size)


@dataclass(frozen=True)
class StepReport:
    """Progress of a fine-tuning. loss and accuracy are averages since the last report."""

    number: int
    steps: int
    loss: float
    accuracy: float


def fine_tune(
    champion: keras.Model,
    corrections: Examples,
    replay: Examples,
    recipe: FineTuneRecipe,
    tell: Callable[[StepReport], None] = lambda step: None,
) -> keras.Model:
    """Train a copy of a network on corrections and a class-balanced replay of its training data.

    Targets of replayed examples include the champion's own answers (Li and Hoiem, "Learning without forgetting",
    2016), and batch statistics stay frozen, so that readings without corrections change little. Returns a network
    whose weights are the running average of training, averaged with the champion's (Wortsman et al., "Robust
    fine-tuning of zero-shot models", 2022). corrections: labels 0 to 10, 10 for "not one digit".
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
    doubtful = _doubtful(champion, replay, recipe.seed)
    batches = tf.data.Dataset.from_generator(
        lambda: _batches(corrections, replay, doubtful, recipe),
        output_signature=(tf.TensorSpec(network.input_shape), tf.TensorSpec(network.output_shape)),
    )

    def remember(frames: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        before = champion(frames[recipe.corrected :], training=False)
        replayed = recipe.as_before * before + (1 - recipe.as_before) * targets[recipe.corrected :]
        return frames, tf.concat([targets[: recipe.corrected], replayed], axis=0)

    network.fit(
        batches.map(remember).prefetch(4),
        steps_per_epoch=recipe.steps,
        shuffle=False,
        callbacks=[Reports(recipe.steps, tell)],
        verbose=0,
    )
    ways = zip(champion.get_weights(), network.get_weights(), strict=True)
    network.set_weights([before + recipe.way * (after - before) for before, after in ways])
    return network


class Reports(keras.callbacks.Callback):
    """Report progress every few steps."""

    def __init__(self, steps: int, tell: Callable[[StepReport], None]) -> None:
        super().__init__()
        self.steps, self.tell = steps, tell

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        number = batch + 1
        if logs and (number % STEPS_PER_REPORT == 0 or number == self.steps):
            self.tell(StepReport(number, self.steps, logs["loss"], logs["accuracy"]))
            self.model.reset_metrics()


def _doubtful(champion: keras.Model, replay: Examples, seed: int) -> Examples:
    """Return the examples of each class that a network is least confident about: it would forget these first."""
    some = np.random.default_rng(seed).permutation(len(replay))[:SCORED]
    answers = champion.predict(framed(replay.images[some])[..., None], batch_size=500, verbose=0)
    labels = replay.labels[some]
    sure = answers[np.arange(len(some)), labels]
    places = []
    for digit in np.unique(labels):
        of_class = np.flatnonzero(labels == digit)
        places.append(of_class[np.argsort(sure[of_class])][: max(1, round(DOUBTFUL * len(of_class)))])
    chosen = some[np.concatenate(places)]
    return Examples(replay.images[chosen], replay.labels[chosen])


def _batches(
    corrections: Examples, replay: Examples, doubtful: Examples, recipe: FineTuneRecipe
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield frames, float32 (b, 28, 28, 1), corrections before replay, and one-hot targets, float32 (b, 11)."""
    corrected = recipe.corrected
    one_hot = np.eye(CLASSES, dtype=np.float32)
    for step in range(recipe.steps):
        rng = np.random.default_rng((recipe.seed, step))
        chosen = rng.integers(len(corrections), size=corrected)
        inks = corrections.images[chosen].astype(np.float32) / 255
        taught = np.stack([augment(ink, rng) for ink in inks])
        # Half of the replay is augmented. Of the other half, which stays as in the gate's test, half are examples that
        # the champion is unsure of.
        replays = recipe.batch_size - corrected
        unsure, plain = replays // 4, replays // 2 - replays // 4
        doubts = _balanced(doubtful, unsure, rng)
        whole = _balanced(replay, replays - unsure, rng)
        asis = np.concatenate([doubtful.images[doubts], replay.images[whole[:plain]]])
        bent, labels = augmented(replay, whole[plain:], int(rng.integers(2**31)))
        frames = np.concatenate([taught, framed(asis), bent])[..., None]
        answers = [corrections.labels[chosen], doubtful.labels[doubts], replay.labels[whole[:plain]], labels]
        yield frames, one_hot[np.concatenate(answers)]


def _balanced(examples: Examples, count: int, rng: np.random.Generator) -> np.ndarray:
    """Choose examples, equally many of each class. Returns indices, int (count,), shuffled."""
    by_class = [np.flatnonzero(examples.labels == digit) for digit in np.unique(examples.labels)]
    chosen = np.array([rng.choice(by_class[number % len(by_class)]) for number in range(count)])
    return rng.permutation(chosen)
