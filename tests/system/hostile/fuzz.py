"""A fuzz target for atheris: any bytes give a page or UnreadableImage.

`pip install atheris`, then `python -m tests.system.hostile.fuzz CORPUS -max_total_time=600`: the folder CORPUS is
filled with the bad pictures to start from, and with what is found.
"""

import hashlib
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["PIL", "recognizer.reading.images"]):
    from recognizer.reading import UnreadableImage, open_image


def one_input(data: bytes) -> None:
    try:
        page = open_image(data)
    except UnreadableImage:
        return
    if page.ndim != 2 or page.dtype != "uint8" or page.size == 0:
        raise AssertionError(f"{page.dtype} {page.shape} is no page")


def fill(corpus: Path) -> None:
    """Write the bad pictures, and good ones, into the folder the fuzzer starts from."""
    from .pictures import every_picture, seeds

    corpus.mkdir(parents=True, exist_ok=True)
    for data in seeds() + [data for data, _ in every_picture().values()]:
        if len(data) < 20_000:
            (corpus / hashlib.sha1(data).hexdigest()).write_bytes(data)  # noqa: S324  # libFuzzer names them so


if __name__ == "__main__":
    fill(Path(sys.argv[1]))
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
