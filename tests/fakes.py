"""Stand-ins for the reader, for tests whose subject is not the reading."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from recognizer.admission import ignore
from recognizer.exceptions import NoServingVersion
from recognizer.models import ModelVersion
from recognizer.reading import Reader, Reading, Reason, open_image
from recognizer.serving import cache as serving

from .factories import reading_of


class UndecidedClassifier:
    """Finds every answer equally likely."""

    def classify(self, frames: np.ndarray) -> np.ndarray:
        return np.full((len(frames), 11), 1 / 11, np.float32)


@dataclass
class FakeReader:
    """Opens pictures as the real reader does, and returns the text it was given."""

    version: ModelVersion
    text: str = "42"
    reason: Reason | None = None
    pieces: int = 1
    read_count: int = field(default=0)
    reader: Reader = field(default_factory=lambda: Reader(UndecidedClassifier()))

    def read(self, data: bytes, found: Callable[[int], None] = ignore) -> Reading:
        self.read_count += 1
        page = open_image(data)
        found(self.pieces)
        return reading_of("" if self.reason else self.text, page, self.reason)


@dataclass
class FakeCache:
    """Replaces this process's cached reader; without one, no version is loaded."""

    reader: FakeReader | serving.ServingReader | None
    trouble: str = ""

    @property
    def current(self) -> FakeReader | serving.ServingReader | None:
        return self.reader

    def get(self) -> FakeReader | serving.ServingReader:
        if self.reader is None:
            raise NoServingVersion("no version of the network is installed")
        return self.reader
