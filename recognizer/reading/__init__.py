"""Picture bytes -> numbers. Imports no Django."""

from .classifier import Classifier, load_classifier
from .errors import Unreadable, UnreadableImage
from .ignored import Ignored, Kind
from .images import (
    MAX_BYTES,
    MAX_PIXELS,
    encode_page,
    frames_strip,
    is_isolated,
    open_image,
    open_strip,
    pages_of,
    pixels_decoded,
    pixels_in,
)
from .reader import SURE_FROM, Box, Digit, Reader, Reading, Reason
from .spotter import Spotter, load_spotter

__all__ = [
    "MAX_BYTES",
    "MAX_PIXELS",
    "SURE_FROM",
    "Box",
    "Classifier",
    "Digit",
    "Ignored",
    "Kind",
    "Reader",
    "Reading",
    "Reason",
    "Spotter",
    "Unreadable",
    "UnreadableImage",
    "encode_page",
    "frames_strip",
    "is_isolated",
    "load_classifier",
    "load_spotter",
    "open_image",
    "open_strip",
    "pages_of",
    "pixels_decoded",
    "pixels_in",
]
