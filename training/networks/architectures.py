"""The networks: small residual CNNs with early strides, to train in hours on two cores and read in a millisecond."""

import keras
from keras import layers

from recognizer.reading.classifier import CLASSES
from recognizer.reading.framing import SIDE
from recognizer.reading.spotter import HEIGHT

CONVOLUTIONS = layers.Conv2D | layers.DepthwiseConv2D

WIDTHS = (24, 48, 128)
TEACHER_WIDTHS = (24, 48, 96)
"""Channels at 28 x 28, 14 x 14 and 7 x 7."""


def build_network(widths: tuple[int, int, int] = WIDTHS) -> keras.Model:
    """Build the untrained classifier: frames (n, 28, 28, 1) -> probabilities (n, 11).

    Strided convolutions, each followed by blocks of depthwise and pointwise convolutions: a third fewer multiplications
    than the teacher's full convolutions.
    """
    stem, middle, top = widths
    frames = keras.Input((SIDE, SIDE, 1), name="frames")
    x = convolution(frames, stem)
    x = convolution(x, middle, strides=2)
    for _ in range(2):
        x = separable(x, middle)
    x = convolution(x, top, strides=2)
    for _ in range(3):
        x = separable(x, top)
    return answering(frames, x, "separable")


def build_teacher(widths: tuple[int, int, int] = TEACHER_WIDTHS) -> keras.Model:
    """Build the untrained teacher of the classifier, with the same input and output.

    Three residual blocks (He et al., 2015) with batch normalisation after strided convolutions: nine 3 x 3 convolutions
    in all.
    """
    stem, middle, top = widths
    frames = keras.Input((SIDE, SIDE, 1), name="frames")
    x = convolution(frames, stem)
    x = convolution(x, middle, strides=2)
    x = residual(x, middle)
    x = convolution(x, top, strides=2)
    x = residual(x, top)
    x = residual(x, top)
    return answering(frames, x, "residual")


def answering(frames: keras.KerasTensor, x: keras.KerasTensor, name: str) -> keras.Model:
    """Add the head: a mean with a learnt weight for each place and channel, then probabilities."""
    x = pooled(x)
    x = layers.Dropout(0.2)(x)
    x = layers.Dense(CLASSES, name="logits")(x)
    return keras.Model(frames, layers.Softmax(name="probabilities")(x), name=name)


SPOTTER_WIDTHS = (16, 32, 64)
"""Channels at full, half and quarter height of the strip."""


def build_spotter(widths: tuple[int, int, int] = SPOTTER_WIDTHS) -> keras.Model:
    """Build the untrained spotter: strips (n, 40, w, 1) -> probabilities (n, w / 2, 11), for any even w.

    Fully convolutional, so that it takes lines of any length; the receptive field of a column is some 40 pixels.
    """
    strips = keras.Input((HEIGHT, None, 1), name="strips")
    x = spotting(strips, widths)
    x = layers.Dropout(0.1)(x)
    x = layers.Reshape((-1, widths[-1]))(x)
    x = layers.Dense(CLASSES, name="logits")(x)
    return keras.Model(strips, layers.Softmax(name="probabilities")(x), name="spotter")


def spotting(strips: keras.KerasTensor, widths: tuple[int, int, int]) -> keras.KerasTensor:
    """Encode a strip (n, 40, w, 1) as (n, 1, w / 2, top)."""
    stem, middle, top = widths
    x = convolution(strips, stem)
    x = convolution(x, middle, strides=2)
    x = residual(x, middle)
    x = convolution(x, top, strides=(2, 1))
    x = residual(x, top)
    x = residual(x, top)
    x = layers.Conv2D(top, (HEIGHT // 4, 1), use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU()(x)
    x = layers.Conv2D(top, (1, 5), padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    return layers.ReLU()(x)


def build_line_reader(widths: tuple[int, int, int] = SPOTTER_WIDTHS) -> keras.Model:
    """Build the line reader: the spotter with two more blocks along the line.

    The blocks start as zero, so that with a spotter's weights it gives the spotter's output.
    """
    strips = keras.Input((HEIGHT, None, 1), name="strips")
    x = spotting(strips, widths)
    for reach in (2, 4):
        x = along(x, widths[-1], reach)
    x = layers.Dropout(0.1)(x)
    x = layers.Reshape((-1, widths[-1]))(x)
    x = layers.Dense(CLASSES, name="logits", dtype="float32")(x)
    return keras.Model(strips, layers.Softmax(name="probabilities", dtype="float32")(x), name="line")


def along(x: keras.KerasTensor, channels: int, reach: int) -> keras.KerasTensor:
    """Add a residual block along a line, (n, 1, columns, channels), reaching so many columns to each side."""
    y = layers.Conv2D(channels, (1, 2 * reach + 1), padding="same", use_bias=False)(x)
    y = layers.ReLU()(layers.BatchNormalization()(y))
    y = layers.Conv2D(channels, (1, 2 * reach + 1), padding="same", use_bias=False)(y)
    y = layers.BatchNormalization(gamma_initializer="zeros")(y)
    return layers.ReLU()(layers.Add()([x, y]))


def convolution(
    x: keras.KerasTensor, channels: int, strides: int | tuple[int, int] = 1, activate: bool = True
) -> keras.KerasTensor:
    x = layers.Conv2D(channels, 3, strides=strides, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    return layers.ReLU()(x) if activate else x


def residual(x: keras.KerasTensor, channels: int) -> keras.KerasTensor:
    y = convolution(x, channels)
    y = convolution(y, channels, activate=False)
    return layers.ReLU()(layers.Add()([x, y]))


def separable(x: keras.KerasTensor, channels: int) -> keras.KerasTensor:
    """Add a depthwise convolution and two pointwise ones, the first twice as wide (Liu et al., ConvNeXt, 2022)."""
    y = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
    y = layers.BatchNormalization()(y)
    y = layers.Conv2D(2 * channels, 1, use_bias=False)(y)
    y = layers.ReLU()(layers.BatchNormalization()(y))
    y = layers.Conv2D(channels, 1, use_bias=False)(y)
    y = layers.BatchNormalization()(y)
    return layers.ReLU()(layers.Add()([x, y]))


def pooled(x: keras.KerasTensor) -> keras.KerasTensor:
    """Average the places with learnt weights: a loop at the top means another digit than one at the bottom.

    A global depthwise convolution (Chen et al., MobileFaceNets, 2018) that starts as the plain mean.
    """
    _, height, width, channels = x.shape
    x = layers.DepthwiseConv2D((height, width), depthwise_initializer="ones", use_bias=False)(x)
    return layers.Rescaling(1 / (height * width))(layers.Reshape((channels,))(x))


def multiply_adds(network: keras.Model) -> int:
    """Count the multiply-adds for one frame in the convolutions and the last layer."""
    total = 0
    for layer in network.layers:
        if isinstance(layer, CONVOLUTIONS):
            _, height, width, _ = layer.output.shape
            total += height * width * layer.kernel.shape.num_elements()
        elif isinstance(layer, layers.Dense):
            total += layer.kernel.shape.num_elements()
    return total
