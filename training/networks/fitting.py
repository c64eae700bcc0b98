"""Train a network from scratch to the shipped version, resumably."""

import hashlib
import json
import sys
from collections.abc import Callable, Generator
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from recognizer.reading import page
from recognizer.reading.line_reader import SHIPPED_LINE_READER
from training.synthesis.datasets import (
    Batch,
    Examples,
    Mnist,
    digit_batch,
    finishing_batch,
    framed,
    one_hot,
    settling_batch,
    stream,
)
from training.synthesis.grey_targets import grey_file, grey_validation
from training.synthesis.line_targets import (
    PER_EPOCH,
    Strips,
    encoded,
    line_batch,
    line_file,
    line_validation,
    unpacked,
)
from training.synthesis.page_targets import page_batch, page_validation, weighted
from training.synthesis.spotter_targets import spot_batch

from .architectures import build_network, build_spotter, build_teacher
from .line_network import folded_in, line_reader_from, load_start, temporal_loss, whole_text
from .page_network import build_page_network, take_over, weighted_crossentropy


@dataclass(frozen=True)
class Recipe:
    """Settings of a training."""

    epochs: int = 26
    batch_size: int = 128
    peak_rate: float = 3e-3
    weight_decay: float = 0.02
    average: float = 0.998
    seed: int = 1
    settling: int = 0
    rounds: int = 0
    """Rounds after the first epochs, each of `settling` epochs, at a third of the rate and on milder distortions."""
    settled: int = 0
    """Epochs after which a round stops, 0 for none: the running average of the weights may have settled by then."""
    finishing: int = 0
    """Epochs at the end, on the mildest distortions and without the teacher, which makes mistakes too."""
    stop: int = 0
    """Epoch after which the training stops, 0 for the last. The learning rate falls as if it went on."""
    teacher: str = ""
    """SHA-256 of the teacher's file, if there is one."""
    start: str = ""
    """SHA-256 of the network that the training starts from, empty if it starts from random weights."""


QUICK = Recipe(epochs=4, average=0.98)
RECIPES = {
    "teacher": Recipe(epochs=30, settling=12, rounds=2),
    "digits": Recipe(settling=7, rounds=2, finishing=8),
    "spotter": Recipe(epochs=7, batch_size=64, settling=6, rounds=1),
    "lines": Recipe(epochs=24, batch_size=64, peak_rate=2e-3, weight_decay=0.01, settling=8, rounds=1),
    "grey": Recipe(epochs=20, batch_size=64, peak_rate=1.5e-3, weight_decay=0.01, settling=8, rounds=1),
    "pages": Recipe(epochs=60, batch_size=8, weight_decay=0.01),
}


@dataclass
class Progress:
    """The state in a checkpoint besides the weights."""

    recipe: Recipe
    epoch: int = 0
    seconds: float = 0.0
    history: dict[str, list[float]] = field(default_factory=dict)


Loss = str | Callable[..., Any]


def load_keras(file: Path, _: Mnist) -> keras.Model:
    """Load a network from its .keras file. Raises OSError or ValueError."""
    return keras.models.load_model(file, compile=False)


def load_pages(file: Path, mnist: Mnist) -> keras.Model:
    """Load the page network from its LiteRT export. Raises OSError or ValueError."""
    network = build_page_network()
    pages, _ = page_batch(mnist.train, 16, 0, 0)
    take_over(network, file.read_bytes(), pages[..., None])
    return network


def load_lines(file: Path, mnist: Mnist) -> keras.Model:
    """Load the line reader or the grey reader from its LiteRT export. Raises OSError or ValueError."""
    return line_reader_from(folded_in(file.read_bytes()), spot_batch(mnist.train, 256, 0, 0)[0])


@dataclass(frozen=True)
class Task:
    """A training task: the network, its training batches, and its validation data."""

    build: Callable[[], keras.Model]
    batch: Batch
    settling: Batch
    finishing: Batch
    per_epoch: Callable[[Examples, int], int]
    validation: Callable[[Examples], tuple[np.ndarray, np.ndarray]]
    """Images float32 (n, h, w) and labels (n, ...), made from examples that are not trained on."""
    encode: Callable[[np.ndarray], np.ndarray] = one_hot
    plain: Callable[[np.ndarray], np.ndarray] = one_hot
    """Encodes the labels that are validated on."""
    loss: Loss = "categorical_crossentropy"
    metric: Loss = "accuracy"
    """The metric named accuracy in the history."""
    workers: int = 2
    load: Callable[[Path, Mnist], keras.Model] = load_keras
    """Loads a network to begin with. Raises OSError or ValueError if the file holds none of this kind."""
    teacher: keras.Model | None = None
    """With a teacher, the target is the mean of label and teacher's output (Hinton et al., 2015)."""


DIGITS = Task(
    build_network,
    digit_batch,
    settling_batch,
    finishing_batch,
    per_epoch=lambda examples, batch_size: len(examples) // batch_size,
    validation=lambda examples: (framed(examples.images), examples.labels),
)
TEACHER = replace(DIGITS, build=build_teacher)
SPOTTER = Task(
    build_spotter,
    spot_batch,
    spot_batch,
    spot_batch,
    # Rows are generated endlessly; this many make an epoch.
    per_epoch=lambda examples, batch_size: min(400, len(examples) // 8),
    validation=lambda examples: spot_batch(examples, 300, 0, 0),
)

PAGES = Task(
    build_page_network,
    page_batch,
    page_batch,
    page_batch,
    per_epoch=lambda examples, batch_size: 200,
    validation=page_validation,
    encode=weighted,
    plain=np.eye(page.CLASSES, dtype=np.float32).__getitem__,
    loss=weighted_crossentropy,
    load=load_pages,
)


def started(task: Task, recipe: Recipe, file: Path, mnist: Mnist) -> tuple[Task, Recipe]:
    """Begin a task with an earlier network, without rounds or finishing. Raises OSError or ValueError."""
    network = task.load(file, mnist)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return replace(task, build=lambda: network), replace(recipe, start=digest, rounds=0, finishing=0)


@dataclass(frozen=True)
class StripTask:
    """Training on files of strips.

    file: makes a file's strips from examples, a seed and its number. validation: makes the validation strips. start:
    loads the weights to start from.
    """

    file: Callable[[Examples, int, int], Strips]
    validation: Callable[[Examples], Strips]
    start: Callable[[], dict[str, np.ndarray]]


STRIP_TASKS = {
    "lines": StripTask(line_file, line_validation, load_start),
    "grey": StripTask(grey_file, grey_validation, lambda: folded_in(SHIPPED_LINE_READER.read_bytes())),
}


def strips_task(kind: str, examples: Examples, strips: Path, build: Callable[[], keras.Model] | None = None) -> Task:
    """Make the task of the line reader or of the grey reader: training on files of strips.

    build: makes the network; None starts from the kind's `start`.
    """
    batch = partial(line_batch, strips)
    chosen = STRIP_TASKS[kind]
    return Task(
        build or (lambda: line_reader_from(chosen.start(), batch(examples, 256, 0, 0)[0])),
        batch,
        settling := partial(line_batch, strips, settling=True),
        settling,
        per_epoch=lambda _, batch_size: PER_EPOCH,
        validation=lambda held_out: unpacked(chosen.validation(held_out)),
        encode=encoded,
        plain=encoded,
        loss=temporal_loss,
        metric=whole_text,
        workers=1,
    )


TASKS = {
    "digits": DIGITS,
    "teacher": TEACHER,
    "spotter": SPOTTER,
    # Only their `load` is used: `strips_task` makes the tasks, which depend on a folder of strips.
    "lines": replace(SPOTTER, load=load_lines),
    "grey": replace(SPOTTER, load=load_lines),
    "pages": PAGES,
}


def fit(
    task: Task, mnist: Mnist, recipe: Recipe, folder: Path, clock: Callable[[], float]
) -> tuple[keras.Model, Progress]:
    """Train on augmented batches, from the folder's checkpoint if it has one.

    AdamW with a cosine schedule (Loshchilov and Hutter, 2019). The running average of the weights (Polyak and Juditsky,
    1992) is validated and returned, after the last epoch, whatever its validation accuracy. Raises ValueError if the
    checkpoint belongs to another recipe.
    """
    keras.utils.set_random_seed(recipe.seed)
    per_epoch = task.per_epoch(mnist.train, recipe.batch_size)
    network, progress = _resume(folder, recipe) or (
        _compiled(task.build(), recipe, per_epoch, task),
        Progress(recipe),
    )
    start = progress.epoch * per_epoch
    batches = stream(
        task.batch, mnist.train, recipe.batch_size, recipe.seed, start, workers=task.workers, encode=task.encode
    )
    try:
        network.fit(
            _dataset(batches, network, task.teacher),
            epochs=recipe.stop or recipe.epochs,
            initial_epoch=progress.epoch,
            steps_per_epoch=per_epoch,
            shuffle=False,
            validation_data=_validation(task, mnist),
            validation_batch_size=100,
            callbacks=[keras.callbacks.SwapEMAWeights(), Checkpoints(progress, folder, clock)],
            verbose=1 if sys.stdout.isatty() else 2,
        )
    finally:
        batches.close()
    return network, progress


class Checkpoints(keras.callbacks.Callback):
    """Write weights and progress after each epoch.

    Keras' BackupAndRestore saves neither history nor recipe, and writes weights and epoch one after the other: a kill
    between the two trains an epoch twice.
    """

    def __init__(self, progress: Progress, folder: Path, clock: Callable[[], float]) -> None:
        super().__init__()
        self.progress, self.folder, self.clock = progress, folder, clock

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.started = self.clock()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        for name, value in (logs or {}).items():
            self.progress.history.setdefault(name.replace("val_", "validation_"), []).append(round(value, 6))
        self.progress.epoch = epoch + 1
        self.progress.seconds += self.clock() - self.started
        _checkpoint(self.model, self.progress, self.folder)


def _dataset(
    batches: Generator[tuple[np.ndarray, np.ndarray], None, None], network: keras.Model, teacher: keras.Model | None
) -> tf.data.Dataset:
    """Make a dataset of batches.

    With a teacher, labels are the mean with its output. Image sides may differ between batches.
    """
    shapes = network.input_shape, network.output_shape
    dataset = tf.data.Dataset.from_generator(
        lambda: batches, output_signature=tuple(tf.TensorSpec(shape, tf.float32) for shape in shapes)
    )
    if teacher is not None:
        dataset = dataset.map(lambda frames, labels: (frames, (labels + teacher(frames, training=False)) / 2))
    # tf.data's threads would still request batches when the training ends and closes them.
    options = tf.data.Options()
    options.experimental_optimization.apply_default_optimizations = False
    return dataset.with_options(options)


def _validation(task: Task, mnist: Mnist) -> tuple[np.ndarray, np.ndarray]:
    images, labels = task.validation(mnist.validation)
    return images[..., None], task.plain(labels)


def fit_settled(
    task: Task, mnist: Mnist, recipe: Recipe, folder: Path, clock: Callable[[], float]
) -> tuple[keras.Model, Progress]:
    """Fit, then settle in rounds and finish; all parts continue from their checkpoints.

    Each round restarts at its highest rate (warm restarts, Loshchilov and Hutter, 2017) on its own batches, and the
    mean of the weights at their ends is kept (Izmailov et al., 2018). If the recipe has finishing epochs, the result is
    the mean of the weights before and after them.
    """
    network, progress = fit(task, mnist, recipe, folder / "checkpoint", clock)
    gentle = replace(recipe, epochs=recipe.settling, stop=recipe.settled, peak_rate=recipe.peak_rate / 3)
    ends = []
    for number in range(1, recipe.rounds + 1):
        gentler = replace(gentle, seed=recipe.seed + 1_000 * number)
        network, last = fit(
            _continued(task, network, task.settling), mnist, gentler, folder / f"settling-{number}", clock
        )
        progress = _followed_by(progress, last)
        ends.append(network.get_weights())
    if ends:
        _set_mean(network, ends)
    if recipe.finishing:
        before = network.get_weights()
        alone = _continued(replace(task, teacher=None), network, task.finishing)
        gentlest = replace(gentle, epochs=recipe.finishing, stop=0, seed=recipe.seed + 5_000)
        network, last = fit(alone, mnist, gentlest, folder / "finishing", clock)
        progress = _followed_by(progress, last)
        _set_mean(network, [before, network.get_weights()])
    if recipe.rounds or recipe.finishing:
        measure(network, task, mnist, progress)
    return network, progress


def measure(network: keras.Model, task: Task, mnist: Mnist, progress: Progress) -> None:
    """Replace the last validation figures in the history by those of the network as it is now."""
    x, y = _validation(task, mnist)
    measured = network.evaluate(x, y, batch_size=100, verbose=0, return_dict=True)
    for name, value in measured.items():
        progress.history[f"validation_{name}"][-1] = round(value, 6)


def mix_with_start(network: keras.Model, start: keras.Model, share: float) -> None:
    """Set the weights to a mean with those that the training started from, which have a share of it.

    It keeps most of what both networks read (Wortsman et al., 2022).
    """
    pairs = zip(start.get_weights(), network.get_weights(), strict=True)
    network.set_weights([share * before + (1 - share) * after for before, after in pairs])


def _set_mean(network: keras.Model, ends: list[list[np.ndarray]]) -> None:
    network.set_weights([np.mean(weights, axis=0) for weights in zip(*ends, strict=True)])


def _continued(task: Task, network: keras.Model, batch: Batch) -> Task:
    return replace(task, build=lambda: network, batch=batch)


def _followed_by(progress: Progress, last: Progress) -> Progress:
    history = {name: values + last.history[name] for name, values in progress.history.items()}
    return Progress(progress.recipe, progress.epoch + last.epoch, progress.seconds + last.seconds, history)


def _compiled(network: keras.Model, recipe: Recipe, per_epoch: int, task: Task) -> keras.Model:
    steps = recipe.epochs * per_epoch
    warmup = min(400, steps // 10)
    rate = keras.optimizers.schedules.CosineDecay(
        recipe.peak_rate / 20, steps - warmup, warmup_target=recipe.peak_rate, warmup_steps=warmup
    )
    optimizer = keras.optimizers.AdamW(
        rate, weight_decay=recipe.weight_decay, use_ema=True, ema_momentum=recipe.average
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    metric = task.metric if isinstance(task.metric, str) else keras.metrics.MeanMetricWrapper(task.metric, "accuracy")
    network.compile(optimizer, task.loss, metrics=[metric])
    return network


def _checkpoint(network: keras.Model, progress: Progress, folder: Path) -> None:
    """Write weights and progress. A process killed at any moment leaves the old pair or the new one."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = folder / f"epoch-{progress.epoch:03}.keras"
    network.save(weights)
    state = folder / "progress.json.new"
    state.write_text(json.dumps(asdict(progress), indent=1))
    state.replace(folder / "progress.json")
    for old in folder.glob("epoch-*.keras"):
        if old != weights:
            old.unlink()


def _resume(folder: Path, recipe: Recipe) -> tuple[keras.Model, Progress] | None:
    state = folder / "progress.json"
    if not state.exists():
        return None
    saved = json.loads(state.read_text())
    progress = Progress(Recipe(**saved.pop("recipe")), **saved)
    if progress.recipe != recipe:
        raise ValueError(f"{folder} holds a checkpoint of another recipe: {progress.recipe}")
    network = keras.models.load_model(folder / f"epoch-{progress.epoch:03}.keras")
    return network, progress
