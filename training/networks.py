"""The networks: small residual CNNs that stride early, to train in hours on two cores and read in a millisecond."""

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
    """Build the untrained network: frames (n, 28, 28, 1) -> probabilities (n, 11).

    Behind strided convolutions, blocks that look around in each channel by itself and mix channels in each place by
    itself: a third less to multiply than the teacher, which convolves in full.
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
    """Build the untrained teacher of the network, which takes and gives the same.

    Three residual blocks (He et al., 2015) with batch normalisation behind strided convolutions: nine
    convolutions in all, each 3 x 3.
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
    """End a network: a mean in which each place has a learnt weight for each channel, then probabilities."""
    x = pooled(x)
    x = layers.Dropout(0.2)(x)
    x = layers.Dense(CLASSES, name="logits")(x)
    return keras.Model(frames, layers.Softmax(name="probabilities")(x), name=name)


SPOTTER_WIDTHS = (16, 32, 64)
"""Channels at full, half and quarter height of the strip."""


def build_spotter(widths: tuple[int, int, int] = SPOTTER_WIDTHS) -> keras.Model:
    """Build the untrained spotter: strips (n, 40, w, 1) -> probabilities (n, w / 2, 11), for any even w.

    Convolutions alone, so that one network takes lines of every length; a column sees some 40 pixels around it.
    """
    stem, middle, top = widths
    strips = keras.Input((HEIGHT, None, 1), name="strips")
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
    x = layers.ReLU()(x)
    x = layers.Dropout(0.1)(x)
    x = layers.Reshape((-1, top))(x)
    x = layers.Dense(CLASSES, name="logits")(x)
    return keras.Model(strips, layers.Softmax(name="probabilities")(x), name="spotter")


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
    """A depthwise convolution, then two pointwise ones, twice as wide between (after Liu et al., ConvNeXt, 2022)."""
    y = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
    y = layers.BatchNormalization()(y)
    y = layers.Conv2D(2 * channels, 1, use_bias=False)(y)
    y = layers.ReLU()(layers.BatchNormalization()(y))
    y = layers.Conv2D(channels, 1, use_bias=False)(y)
    y = layers.BatchNormalization()(y)
    return layers.ReLU()(layers.Add()([x, y]))


def pooled(x: keras.KerasTensor) -> keras.KerasTensor:
    """Average the places, each weighted as learnt: a loop says another thing at the top than at the foot.

    A global depthwise convolution (Chen et al., MobileFaceNets, 2018) that starts as the plain mean.
    """
    _, height, width, channels = x.shape
    x = layers.DepthwiseConv2D((height, width), depthwise_initializer="ones", use_bias=False)(x)
    return layers.Rescaling(1 / (height * width))(layers.Reshape((channels,))(x))


def multiply_adds(network: keras.Model) -> int:
    """Count the multiply-adds of one frame's way through the convolutions and the last layer."""
    total = 0
    for layer in network.layers:
        if isinstance(layer, CONVOLUTIONS):
            _, height, width, _ = layer.output.shape
            total += height * width * layer.kernel.shape.num_elements()
        elif isinstance(layer, layers.Dense):
            total += layer.kernel.shape.num_elements()
    return total
