"""PP-OCRv6 small, a general text recogniser, beside the shipped version: on the same pictures, in the same run.

`python -m benchmarks.peers FOLDER…` reads folders of pictures with a `labels.json`, and publishes a table.
"""

import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import cv2
import numpy as np
from tqdm import tqdm

from recognizer import reading
from recognizer.reading import Reader, load_classifier
from recognizer.reading.ink import find_ink
from recognizer.reading.lines import find_lines
from recognizer.reading.spotter import BLANK

from . import publishing
from .reader import use_one_core
from .tables import markdown

if TYPE_CHECKING:
    from training.evaluation.measures import Result, Sample

WHEEL, NETWORK = "rapidocr", "rapidocr/models/PP-OCRv6_rec_small.onnx"
"""The wheel that ships the recogniser, and its file in there."""

HEIGHT, MIN_WIDTH = 48, 320
"""Height in pixels that the wheel scales a line to, and the width that it pads a shorter one to."""

MARGIN = 0.25
"""Paper kept around a line, as a share of its height."""

FOUND = """\
Version {version} and PP-OCRv6 small read the same pictures.
Whole readings right, their 95 % interval, and milliseconds of processor time for each picture, on one core.

{table}
The recogniser of {wheel} is {theirs:.1f} MB; the networks of this reader are {ours:.1f} MB together.
"""

Recogniser = Callable[[np.ndarray], np.ndarray]
"""Page, uint8 (height, width) -> probabilities of the ten digits and blank, float32 (columns, 11)."""

Seen = TypeVar("Seen")


@dataclass(frozen=True)
class Compared:
    """How this reader and the peer read a folder: the peer reads each page as one line, and line by line."""

    ours: "Result"
    page: "Result"
    lines: "Result"


def load_recogniser(file: Path) -> Recogniser:
    """Load the recogniser on one thread. It gives each column a probability for thousands of characters."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    kept = columns_of_digits(session.get_modelmeta().custom_metadata_map["character"].splitlines())
    return lambda page: np.asarray(session.run(None, {name: strip_of(page)})[0][0][:, kept])


def columns_of_digits(characters: list[str]) -> list[int]:
    """Return the recogniser's outputs for the ten digits and blank. Blank is its first output."""
    return [1 + characters.index(str(digit)) for digit in range(BLANK)] + [0]


def strip_of(page: np.ndarray) -> np.ndarray:
    """Scale a page, uint8 (h, w), as the recogniser asks: float32 (1, 3, HEIGHT, width), -1.0 black to 1.0 white."""
    exact = HEIGHT * page.shape[1] / page.shape[0]
    strip = np.zeros((1, 3, HEIGHT, max(MIN_WIDTH, int(exact))), np.float32)
    width = min(strip.shape[3], math.ceil(exact))
    strip[..., :width] = cv2.resize(page, (width, HEIGHT)).astype(np.float32) / 127.5 - 1
    return strip


def decoded(columns: np.ndarray) -> str:
    """Take each column's likeliest label, merge repeated ones, and drop blanks. columns: (n, 11), blank last."""
    labels = columns.argmax(axis=1)
    changes = np.flatnonzero(np.diff(labels, prepend=-1))
    return "".join(str(label) for label in labels[changes] if label != BLANK)


def lines_of(page: np.ndarray) -> list[np.ndarray]:
    """Cut the lines that this reader finds out of a page, with paper around them: uint8 (h, w) each."""
    ink = find_ink(page)
    parts = []
    for line in find_lines(ink) if ink else []:
        height, width = line.strength.shape
        x, y = line.to_page(np.array([0, width, width, 0]), np.array([0, 0, height, height]))
        margin = MARGIN * (y.max() - y.min())
        left, top = (max(0, int(edge.min() - margin)) for edge in (x, y))
        right, bottom = (int(np.ceil(edge.max() + margin)) for edge in (x, y))
        parts.append(page[top:bottom, left:right])
    return parts


def measured(name: str, pictures: Iterable[tuple[Seen, str]], total: int, read: Callable[[Seen], str]) -> "Result":
    """Read pictures, given with their texts, and compare whole readings. The clock counts processor time."""
    from training.evaluation.measures import Result

    result = Result(name)
    for picture, text in tqdm(pictures, desc=name, total=total, unit="picture", leave=False):
        started = time.process_time()
        read_text = read(picture)
        result.seconds += time.process_time() - started
        result.right.append(read_text == text)
    return result


def compare(name: str, samples: "list[Sample]", reader: Reader, recogniser: Recogniser) -> Compared:
    """Read a folder's pictures with both. Finding the lines for the recogniser is not on its clock."""

    def by_lines(lines: list[np.ndarray]) -> str:
        return "\n".join(filter(None, (decoded(recogniser(line)) for line in lines)))

    pages = [(sample.page, sample.text) for sample in samples]
    return Compared(
        measured(name, pages, len(pages), lambda page: reader.read_page(page).text),
        measured(name, pages, len(pages), lambda page: decoded(recogniser(page))),
        measured(name, ((lines_of(page), text) for page, text in pages), len(pages), by_lines),
    )


def table(compared: list[Compared]) -> str:
    """Format what both read as Markdown, a row for each folder."""
    heads = ["set", "pictures"]
    for reader in ("this reader", "PP-OCRv6, page as one line", "PP-OCRv6, line by line"):
        heads += [reader, "95 % interval", "ms"]
    rows = []
    for each in compared:
        row = [each.ours.name, f"{each.ours.count:,}"]
        for result in (each.ours, each.page, each.lines):
            low, high = result.interval
            row += [f"**{result.accuracy:.1%}**", f"{low:.1%} to {high:.1%}", f"{result.milliseconds:.1f}"]
        rows.append(row)
    return markdown(heads, rows)


def found(folders: list[Path], file: Path, wheel: str, recogniser: Recogniser) -> str:
    """Measure on folders of labelled pictures. Raises CommandError if one cannot be used."""
    from training.management.commands.evaluate import Command

    # Checked first: an error must not appear only after minutes of measuring.
    loaded = [(folder.resolve().name, Command().samples(folder)) for folder in folders]
    networks = [publishing.SHIPPED / "digits.tflite", *Path(reading.__file__).parent.glob("*.tflite")]
    reader = Reader(load_classifier(networks[0].read_bytes(), "litert"))
    return FOUND.format(
        version=json.loads((publishing.SHIPPED / "card.json").read_text())["name"],
        table=table([compare(name, samples, reader, recogniser) for name, samples in loaded]),
        wheel=wheel,
        theirs=file.stat().st_size / 1e6,
        ours=sum(network.stat().st_size for network in networks) / 1e6,
    )


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "digitsite.settings")
    import django

    django.setup()
    if not sys.argv[1:]:
        raise SystemExit('Name folders of pictures with a labels.json: make bench-peers FOLDERS="…"')
    wheel = distribution(WHEEL)
    file = Path(str(wheel.locate_file(NETWORK)))
    use_one_core()
    folders = [Path(name) for name in sys.argv[1:]]
    publishing.publish("peers", found(folders, file, f"{WHEEL} {wheel.version}", load_recogniser(file)))
