"""Pixels in, numbers out. Knows no Django."""

from .classifier import Classifier, load_classifier
from .errors import UnreadableImage
from .images import MAX_BYTES, MAX_PIXELS, encode_page, frames_strip, open_image, open_strip
from .reader import Box, Digit, Reader, Reading, Reason
from .spotter import Spotter, load_spotter

__all__ = [
    "MAX_BYTES",
    "MAX_PIXELS",
    "Box",
    "Classifier",
    "Digit",
    "Reader",
    "Reading",
    "Reason",
    "Spotter",
    "UnreadableImage",
    "encode_page",
    "frames_strip",
    "load_classifier",
    "load_spotter",
    "open_image",
    "open_strip",
]
