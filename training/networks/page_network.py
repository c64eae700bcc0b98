"""The page network: segments handwriting, print, paper and background."""

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from recognizer.reading.page import CLASSES

from .architectures import convolution
from .export import weights_of

WIDTHS = (16, 20, 32, 48, 54)
"""Channels at 1/2 to 1/32 of the page's size."""


@keras.saving.register_keras_serializable(package="pages")
def weighted_crossentropy(truth: Any, answers: Any) -> Any:
    """Weighted cross-entropy, for one-hot classes scaled by a weight: Keras' own assumes weight 1 in logits."""
    return -ops.sum(truth * ops.log(ops.maximum(answers, 1e-6)), axis=-1)


@keras.saving.register_keras_serializable(package="pages")
class DepthToSpace(layers.Layer):
    """Double height and width by moving channels into space. Unlike resizing, it needs no fixed size."""

    def call(self, inputs: Any) -> Any:
        return ops.depth_to_space(inputs, 2, data_format="channels_last")


def build_page_network(widths: tuple[int, ...] = WIDTHS) -> keras.Model:
    """Build the untrained network: pages (n, h, w, 1) -> probabilities (n, h, w, 4), sides multiples of 32.

    A U-Net (after Ronneberger et al., 2015) that halves five times and adds skip connections. The last upsampling is
    done on the output, so no convolution runs at full size.
    """
    pages = keras.Input((None, None, 1), name="pages")
    x = layers.Conv2D(widths[0], 5, strides=2, padding="same", use_bias=False)(pages)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = convolution(x, widths[0])
    passed = []
    for channels in widths[1:]:
        passed.append(x)
        x = convolution(x, channels, strides=2)
        x = residual_block(x, channels)
    x = residual_block(x, widths[-1])
    for skip in reversed(passed):
        channels = skip.shape[-1]
        x = DepthToSpace()(layers.Conv2D(4 * channels, 1)(x))
        x = convolution(layers.Add()([x, skip]), channels)
    x = DepthToSpace()(layers.Conv2D(4 * CLASSES, 3, padding="same", name="logits")(x))
    return keras.Model(pages, layers.Softmax(name="probabilities")(x), name="page")


def residual_block(x: keras.KerasTensor, channels: int) -> keras.KerasTensor:
    """Add a residual convolution: a second one would double the cost."""
    return layers.ReLU()(layers.Add()([x, convolution(x, channels, activate=False)]))


def take_over(network: keras.Model, content: bytes, pages: np.ndarray) -> None:
    """Set an untrained network's weights from a LiteRT export of the same architecture, to the precision it has.

    pages: float32 (n, h, w, 1). In the export the batch normalisations are folded; here they are set to the identity on
    these pages. Raises ValueError if the content is not an export of such a network.
    """
    exported = weights_of(content, "CONV_2D")
    convolutions = [layer for layer in network.layers if isinstance(layer, layers.Conv2D)]
    if len(exported) != len(convolutions):
        raise ValueError("this is not an export of the page network")
    for layer, (kernel, bias) in zip(convolutions, exported, strict=True):
        kernel = kernel.transpose(1, 2, 3, 0)
        if layer.use_bias:
            layer.set_weights([kernel, bias])
            continue
        layer.set_weights([kernel])
        norm = _normalisation_after(network, layer)
        seen = keras.Model(network.inputs, layer.output).predict(pages, batch_size=8, verbose=0)
        mean, variance = seen.mean(axis=(0, 1, 2)), seen.var(axis=(0, 1, 2))
        norm.set_weights([np.sqrt(variance + norm.epsilon), bias + mean, mean, variance])


def _normalisation_after(network: keras.Model, layer: layers.Layer) -> layers.BatchNormalization:
    """Find the batch normalisation that follows a layer."""
    return next(
        norm for norm in network.layers if isinstance(norm, layers.BatchNormalization) and norm.input is layer.output
    )
