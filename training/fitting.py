"""Train a network from nothing to what ships, resumably."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import keras
import numpy as np
from tqdm import tqdm

from .datasets import Mnist, framed, stream
from .networks import build_network


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training besides the data."""

    epochs: int = 50
    batch_size: int = 128
    peak_rate: float = 3e-3
    weight_decay: float = 0.02
    average: float = 0.999
    seed: int = 1


QUICK = Recipe(epochs=5)


@dataclass
class Progress:
    """What a checkpoint remembers beside the weights."""

    recipe: Recipe
    epoch: int = 0
    seconds: float = 0.0
    history: dict[str, list[float]] = field(default_factory=dict)


def fit(
    mnist: Mnist,
    recipe: Recipe,
    folder: Path,
    clock: Callable[[], float],
    build: Callable[[], keras.Model] = build_network,
) -> tuple[keras.Model, Progress]:
    """Train on augmented batches; continue from the folder's checkpoint where it has one.

    AdamW on a cosine (Loshchilov and Hutter, 2019); what is validated and returned is the running average
    of the weights (Polyak and Juditsky, 1992). The last epoch is returned: nothing is chosen.
    Raises ValueError where the checkpoint belongs to another recipe.
    """
    keras.utils.set_random_seed(recipe.seed)
    network, progress = _resume(folder, recipe) or (_compiled(build(), recipe, mnist), Progress(recipe))
    # Keras puts the averages in place of the weights only at the end, so validation gets its own copy.
    average = keras.models.clone_model(network)
    frames, labels = framed(mnist.validation.images)[..., None], mnist.validation.labels
    per_epoch = len(mnist.train) // recipe.batch_size
    batches = stream(mnist.train, recipe.batch_size, recipe.seed, progress.epoch * per_epoch)
    try:
        while progress.epoch < recipe.epochs:
            started = clock()
            network.reset_metrics()
            measured: dict[str, float] = {}
            bar = tqdm(range(per_epoch), desc=f"epoch {progress.epoch + 1}/{recipe.epochs}", unit="batch")
            for step in bar:
                x, y = next(batches)
                measured = network.train_on_batch(x, y, return_dict=True)
                if step % 20 == 0:
                    bar.set_postfix(loss=f"{measured['loss']:.4f}", accuracy=f"{measured['accuracy']:.4f}")
            take_average(network, average)
            probabilities = average.predict(frames, batch_size=500, verbose=0)
            truth = probabilities[np.arange(len(labels)), labels]
            measured |= {
                "validation_loss": float(-np.log(np.maximum(truth, 1e-9)).mean()),
                "validation_accuracy": float((probabilities.argmax(axis=1) == labels).mean()),
            }
            for name, value in measured.items():
                progress.history.setdefault(name, []).append(round(float(value), 6))
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


def take_average(network: keras.Model, target: keras.Model) -> None:
    """Set a copy's weights to the running average of a network's; batch statistics are already averages."""
    target.set_weights(network.get_weights())
    averages = network.optimizer._model_variables_moving_average
    for variable, mean in zip(target.trainable_variables, averages, strict=True):
        variable.assign(mean)


def _compiled(network: keras.Model, recipe: Recipe, mnist: Mnist) -> keras.Model:
    steps = recipe.epochs * (len(mnist.train) // recipe.batch_size)
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
