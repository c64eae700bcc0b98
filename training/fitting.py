"""Train a network from nothing to what ships, resumably."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import keras
import numpy as np
from tqdm import tqdm

from .datasets import Batch, Examples, Mnist, digit_batch, finishing_batch, framed, settling_batch, stream
from .networks import build_network, build_spotter, build_teacher
from .spotting import spot_batch


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training besides the data."""

    epochs: int = 26
    batch_size: int = 128
    peak_rate: float = 3e-3
    weight_decay: float = 0.02
    average: float = 0.998
    seed: int = 1
    settling: int = 0
    rounds: int = 0
    """Rounds of so many epochs follow, at a third of the rate and, for digits, on shapes less wild."""
    finishing: int = 0
    """Epochs to finish with, on shapes less wild still and by labels alone: a teacher has faults of its own."""
    teacher: str = ""
    """SHA-256 of the teacher's file, if there is one."""


QUICK = Recipe(epochs=4, average=0.98)
RECIPES = {
    "teacher": Recipe(epochs=30, settling=12, rounds=2),
    "digits": Recipe(settling=7, rounds=2, finishing=8),
    "spotter": Recipe(epochs=7, batch_size=64, settling=6, rounds=1),
}


@dataclass
class Progress:
    """What a checkpoint remembers beside the weights."""

    recipe: Recipe
    epoch: int = 0
    seconds: float = 0.0
    history: dict[str, list[float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Task:
    """What is to be learnt: a network, batches to learn from, and what to validate on."""

    build: Callable[[], keras.Model]
    batch: Batch
    settling: Batch
    finishing: Batch
    per_epoch: Callable[[Examples, int], int]
    validation: Callable[[Examples], tuple[np.ndarray, np.ndarray]]
    """Images float32 (n, h, w) and labels (n, ...), made from examples that are not trained on."""
    teacher: keras.Model | None = None
    """What is learnt is then the mean of the label and of what the teacher answers (Hinton et al., 2015)."""


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
    # Rows are written without end; so many make an epoch.
    per_epoch=lambda examples, batch_size: min(400, len(examples) // 8),
    validation=lambda examples: spot_batch(examples, 300, 0, 0),
)

TASKS = {"digits": DIGITS, "teacher": TEACHER, "spotter": SPOTTER}


def fit(
    task: Task, mnist: Mnist, recipe: Recipe, folder: Path, clock: Callable[[], float]
) -> tuple[keras.Model, Progress]:
    """Train on augmented batches; continue from the folder's checkpoint where it has one.

    AdamW on a cosine (Loshchilov and Hutter, 2019); what is validated and returned is the running average
    of the weights (Polyak and Juditsky, 1992). The last epoch is returned: nothing is chosen.
    Raises ValueError where the checkpoint belongs to another recipe.
    """
    keras.utils.set_random_seed(recipe.seed)
    per_epoch = task.per_epoch(mnist.train, recipe.batch_size)
    network, progress = _resume(folder, recipe) or (_compiled(task.build(), recipe, per_epoch), Progress(recipe))
    # Keras puts the averages in place of the weights only at the end, so validation gets its own copy.
    average = keras.models.clone_model(network)
    images, labels = task.validation(mnist.validation)
    batches = stream(task.batch, mnist.train, recipe.batch_size, recipe.seed, progress.epoch * per_epoch)
    try:
        while progress.epoch < recipe.epochs:
            started = clock()
            sums = {"loss": 0.0, "accuracy": 0.0}
            bar = tqdm(range(1, per_epoch + 1), desc=f"epoch {progress.epoch + 1}/{recipe.epochs}", unit="batch")
            for step in bar:
                x, y = next(batches)
                if task.teacher is not None:
                    y = (y + task.teacher.predict_on_batch(x)) / 2
                measured = network.train_on_batch(x, y, return_dict=True)
                for name in sums:
                    sums[name] += float(measured[name])
                if step % 20 == 0:
                    bar.set_postfix({name: f"{total / step:.4f}" for name, total in sums.items()})
            take_average(network, average)
            measured = {name: total / per_epoch for name, total in sums.items()} | _validated(average, images, labels)
            for name, value in measured.items():
                progress.history.setdefault(name, []).append(round(value, 6))
            progress.epoch += 1
            progress.seconds += clock() - started
            _checkpoint(network, progress, folder)
            tqdm.write(
                f"epoch {progress.epoch}: loss {measured['loss']:.4f}, "
                f"validation {measured['validation_accuracy']:.2%} after {progress.seconds / 60:.1f} min"
            )
    finally:
        batches.close()
    take_average(network, average)
    return average, progress


def fit_settled(
    task: Task, mnist: Mnist, recipe: Recipe, folder: Path, clock: Callable[[], float]
) -> tuple[keras.Model, Progress]:
    """Fit, then let the network settle; all parts continue from their checkpoints.

    Each round starts anew at its highest rate (warm restarts, Loshchilov and Hutter, 2017), on batches of its own, and
    the mean of the weights that they end with is kept (Izmailov et al., 2018). Where the recipe has epochs to finish
    with, what is returned lies half-way from there to where those lead.
    """
    network, progress = fit(task, mnist, recipe, folder / "checkpoint", clock)
    gentle = replace(recipe, epochs=recipe.settling, peak_rate=recipe.peak_rate / 3)
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
        gentlest = replace(gentle, epochs=recipe.finishing, seed=recipe.seed + 5_000)
        network, last = fit(alone, mnist, gentlest, folder / "finishing", clock)
        progress = _followed_by(progress, last)
        _set_mean(network, [before, network.get_weights()])
    if recipe.rounds or recipe.finishing:
        # The last figures are those of what is returned.
        for name, value in _validated(network, *task.validation(mnist.validation)).items():
            progress.history[name][-1] = round(value, 6)
    return network, progress


def _set_mean(network: keras.Model, ends: list[list[np.ndarray]]) -> None:
    network.set_weights([np.mean(weights, axis=0) for weights in zip(*ends, strict=True)])


def _continued(task: Task, network: keras.Model, batch: Batch) -> Task:
    return replace(task, build=lambda: network, batch=batch)


def _followed_by(progress: Progress, last: Progress) -> Progress:
    history = {name: values + last.history[name] for name, values in progress.history.items()}
    return Progress(progress.recipe, progress.epoch + last.epoch, progress.seconds + last.seconds, history)


def _validated(network: keras.Model, images: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    probabilities = network.predict(images[..., None], batch_size=100, verbose=0)
    truth = np.take_along_axis(probabilities, labels[..., None].astype(int), axis=-1)
    return {
        "validation_loss": float(-np.log(np.maximum(truth, 1e-9)).mean()),
        "validation_accuracy": float((probabilities.argmax(axis=-1) == labels).mean()),
    }


def take_average(network: keras.Model, target: keras.Model) -> None:
    """Set a copy's weights to the running average of a network's; batch statistics are already averages."""
    target.set_weights(network.get_weights())
    averages = network.optimizer._model_variables_moving_average
    for variable, mean in zip(target.trainable_variables, averages, strict=True):
        variable.assign(mean)


def _compiled(network: keras.Model, recipe: Recipe, per_epoch: int) -> keras.Model:
    steps = recipe.epochs * per_epoch
    warmup = min(400, steps // 10)
    rate = keras.optimizers.schedules.CosineDecay(
        recipe.peak_rate / 20, steps - warmup, warmup_target=recipe.peak_rate, warmup_steps=warmup
    )
    optimizer = keras.optimizers.AdamW(
        rate, weight_decay=recipe.weight_decay, use_ema=True, ema_momentum=recipe.average
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    network.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])
    return network


def _checkpoint(network: keras.Model, progress: Progress, folder: Path) -> None:
    """Write weights and progress so that a kill at any moment leaves the old pair or the new one."""
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
