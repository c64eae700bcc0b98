"""A line -> log-probabilities of digits by column, without cuts: a second opinion beside cuts and classifier.

The network has the spotter's architecture and started from its weights. The spotter was trained on the column of each
digit's centre; this one with CTC on whole numbers, most of whose digits touch (`manage.py train lines`).
"""

from functools import lru_cache
from pathlib import Path

from .spotter import Spotter, load_spotter

SHIPPED_LINE_READER = Path(__file__).with_name("line.tflite")
"""Part of the reader, like its thresholds. A version replaces only the classifier."""


@lru_cache
def shipped_line_reader() -> Spotter:
    """Load the project's line reader, once per process."""
    return load_spotter(SHIPPED_LINE_READER.read_bytes())
