"""The network: a small residual CNN that strides early, to train in an hour on two cores and read in a millisecond."""

import keras
from keras import layers

from recognizer.reading.classifier import CLASSES
from recognizer.reading.framing import SIDE

WIDTHS = (32, 64, 128)
"""Channels at 28 x 28, 14 x 14 and 7 x 7."""


def build_network(widths: tuple[int, int, int] = WIDTHS) -> keras.Model:
    """Build the untrained network: frames (n, 28, 28, 1) -> probabilities (n, 11).

    Two residual blocks (He et al., 2015) with batch normalisation behind strided convolutions: seven
    convolutions in all, each 3 x 3.
    """
    stem, middle, top = widths
    frames = keras.Input((SIDE, SIDE, 1), name="frames")
    x = convolution(frames, stem)
    x = convolution(x, middle, strides=2)
    x = residual(x, middle)
    x = convolution(x, top, strides=2)
    x = residual(x, top)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    x = layers.Dense(CLASSES, name="logits")(x)
    return keras.Model(frames, layers.Softmax(name="probabilities")(x), name="residual")


def convolution(x: keras.KerasTensor, channels: int, strides: int = 1, activate: bool = True) -> keras.KerasTensor:
    x = layers.Conv2D(channels, 3, strides=strides, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    return layers.ReLU()(x) if activate else x


def residual(x: keras.KerasTensor, channels: int) -> keras.KerasTensor:
    y = convolution(x, channels)
    y = convolution(y, channels, activate=False)
    return layers.ReLU()(layers.Add()([x, y]))


def multiply_adds(network: keras.Model) -> int:
    """Count the multiply-adds of one frame's way through the convolutions and the last layer."""
    total = 0
    for layer in network.layers:
        if isinstance(layer, layers.Conv2D):
            _, height, width, _ = layer.output.shape
            total += height * width * layer.kernel.shape.num_elements()
        elif isinstance(layer, layers.Dense):
            total += layer.kernel.shape.num_elements()
    return total
