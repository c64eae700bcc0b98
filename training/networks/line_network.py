"""Training of the line reader and the grey reader: the weights to start from, and the CTC loss."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from recognizer.reading.spotter import BLANK

from .architectures import build_line_reader
from .export import weights_of

START = Path(__file__).parents[1] / "data" / "spotter.npz"
"""The spotter's weights, batch normalisations folded into convolutions. `manage.py train spotter` makes them."""

TINY = 1e-6


def load_start(path: Path = START) -> dict[str, np.ndarray]:
    """Load a spotter's folded weights: float32."""
    with np.load(path) as arrays:
        return {name: arrays[name].astype(np.float32) for name in arrays.files}


def write_start(spotter: keras.Model, path: Path = START) -> None:
    """Write a spotter's folded weights, in half precision."""
    arrays: dict[str, Any] = {name: array.astype(np.float16) for name, array in folded(spotter).items()}
    np.savez_compressed(path, **arrays)


def folded(network: keras.Model) -> dict[str, np.ndarray]:
    """Fold a spotter's batch normalisations into its convolutions: kernel and bias of each, and of the last layer."""
    arrays: dict[str, np.ndarray] = {}
    for number, (convolution, normalisation) in enumerate(_normalised(network)):
        gamma, beta, mean, variance = (np.asarray(weight) for weight in normalisation.get_weights())
        scale = gamma / np.sqrt(variance + normalisation.epsilon)
        arrays[f"kernel-{number}"] = np.asarray(convolution.kernel) * scale
        arrays[f"bias-{number}"] = beta - mean * scale
    kernel, bias = network.get_layer("logits").get_weights()
    return arrays | {"kernel-logits": kernel, "bias-logits": bias}


def folded_in(content: bytes) -> dict[str, np.ndarray]:
    """Read a line reader's folded weights from its LiteRT export: float32. Raises ValueError if it has no logits."""
    arrays: dict[str, np.ndarray] = {}
    for number, (kernel, bias) in enumerate(weights_of(content, "CONV_2D")):
        arrays |= {f"kernel-{number}": kernel.transpose(1, 2, 3, 0), f"bias-{number}": bias}
    ((kernel, bias),) = weights_of(content, "FULLY_CONNECTED")
    return arrays | {"kernel-logits": kernel.T, "bias-logits": bias}


def line_reader_from(arrays: dict[str, np.ndarray], strips: np.ndarray) -> keras.Model:
    """Build a line reader with the output of the spotter or line reader whose folded weights are given.

    strips: float32 (n, HEIGHT, w), whose statistics initialise the batch normalisations.
    """
    # Half precision between layers is a third faster; the weights stay in single precision.
    with _policy("mixed_bfloat16"):
        network = build_line_reader()
    pairs = _normalised(network)
    given = sum(name.startswith("kernel-") for name in arrays) - 1
    for number, (convolution, normalisation) in enumerate(pairs[:given]):
        kernel, bias = arrays[f"kernel-{number}"], arrays[f"bias-{number}"]
        convolution.set_weights([kernel])
        ones = np.ones_like(bias)
        normalisation.set_weights([ones, bias, 0 * bias, ones - normalisation.epsilon])
    network.get_layer("logits").set_weights([arrays["kernel-logits"], arrays["bias-logits"]])
    seen = keras.Model(network.inputs, [convolution.output for convolution, _ in pairs])
    for number, outputs in enumerate(seen({"strips": strips[..., None]}, training=False)):
        outputs = np.asarray(tf.cast(outputs, tf.float32))
        mean, variance = outputs.mean(axis=(0, 1, 2)), outputs.var(axis=(0, 1, 2))
        normalisation = pairs[number][1]
        gamma, beta, *_ = normalisation.get_weights()
        if number < given:
            gamma, beta = np.sqrt(variance + normalisation.epsilon), beta + mean
        normalisation.set_weights([gamma, beta, mean, variance])
    return network


@contextmanager
def _policy(name: str) -> Iterator[None]:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def in_full(network: keras.Model) -> keras.Model:
    """Copy a line reader into one with single precision throughout, as in its export."""
    full = build_line_reader()
    full.set_weights(network.get_weights())
    return full


def _normalised(network: keras.Model) -> list[tuple[Any, Any]]:
    """List each convolution with its batch normalisation, in the order they were built."""
    layers = keras.layers
    convolutions = [layer for layer in network.layers if isinstance(layer, layers.Conv2D)]
    followed = {id(layer.input): layer for layer in network.layers if isinstance(layer, layers.BatchNormalization)}
    return [(layer, followed[id(layer.output)]) for layer in convolutions]


@keras.saving.register_keras_serializable(package="lines")
def temporal_loss(truth: Any, answers: Any) -> Any:
    """Compute the CTC loss (Graves et al., 2006): (n,).

    truth: texts, one-hot (n, m, 11), padded with zeros, all zeros if empty. answers: probabilities (n, columns, 11).
    """
    texts, lengths = _texts(truth)
    # TensorFlow refuses empty texts. Theirs is the score of blanks alone.
    sparse = _sparse(texts, tf.maximum(lengths, 1))
    batch, columns = tf.shape(answers)[0], tf.shape(answers)[1]
    scores = tf.math.log(tf.maximum(answers, TINY))
    losses = tf.compat.v1.nn.ctc_loss(sparse, scores, tf.fill([batch], columns), time_major=False)
    return tf.where(lengths == 0, -tf.reduce_sum(scores[:, :, BLANK], axis=1), losses)


@keras.saving.register_keras_serializable(package="lines")
def whole_text(truth: Any, answers: Any) -> Any:
    """Return whether the most likely label of each column gives the text (greedy decoding): float32 (n,)."""
    texts, lengths = _texts(truth)
    longest = tf.shape(texts)[1]
    best = tf.argmax(answers, axis=2, output_type=tf.int32)
    before = tf.pad(best[:, :-1], [[0, 0], [1, 0]], constant_values=BLANK)
    starts = (best != BLANK) & (best != before)
    read = tf.ragged.boolean_mask(best, starts).to_tensor(-1, shape=(None, None))
    read = tf.pad(read, [[0, 0], [0, longest]], constant_values=-1)
    wanted = tf.where(tf.sequence_mask(lengths, longest), texts, -1)
    same = tf.reduce_all(read[:, :longest] == wanted, axis=1) & tf.reduce_all(read[:, longest:] == -1, axis=1)
    return tf.ensure_shape(tf.cast(same, tf.float32), [None])


def _texts(truth: Any) -> tuple[Any, Any]:
    lengths = tf.cast(tf.round(tf.reduce_sum(truth, axis=(1, 2))), tf.int32)
    return tf.argmax(truth, axis=2, output_type=tf.int32), lengths


def _sparse(texts: Any, lengths: Any) -> Any:
    places = tf.where(tf.sequence_mask(lengths, tf.shape(texts)[1]))
    return tf.SparseTensor(places, tf.gather_nd(texts, places), tf.cast(tf.shape(texts), tf.int64))
