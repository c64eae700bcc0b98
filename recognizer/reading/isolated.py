"""Decoding of PDF, AVIF and HEIC in a process of its own, so that a crash or a full memory stays there.

Their decoders are large, and the sizes in their headers do not limit what they unpack.
"""

import os
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from .errors import Unreadable, UnreadableImage

PROCESS = Path(__file__).with_name("isolated_process.py")
PAGE_PIXELS = 4_000_000
"""Largest page that a PDF is drawn as."""

TIMEOUT = 30.0
"""Seconds for a file. The process limits its CPU time to fewer."""

UNSUPPORTED = (
    Unreadable.UNSUPPORTED_TYPE,
    "This is not a PNG, JPEG, WebP, GIF, BMP, TIFF, AVIF, HEIC or PDF file that can be read.",
)
HEAD = ">2sII"
DAMAGED = (Unreadable.UNREADABLE, "The file is damaged and cannot be read.")
# By the exit codes of isolated_process.
REFUSALS = {
    2: (Unreadable.UNREADABLE, "The PDF asks for a password. Send it without one."),
    3: (Unreadable.SEVERAL_PAGES, "The PDF has several pages. Send one page, or all in a batch."),
    4: (Unreadable.UNREADABLE, "The PDF has too many pages. Send it in several files."),
    5: (Unreadable.TOO_MANY_PIXELS, "The image has more than 25 megapixels. Send a smaller one."),
    6: (Unreadable.ANIMATED, "The image is animated. Send a still one."),
    7: UNSUPPORTED,
}


def is_pdf(data: bytes) -> bool:
    return data[:1024].lstrip(b"\xef\xbb\xbf\0\t\r\n ").startswith(b"%PDF-")


def is_avif_or_heic(data: bytes) -> bool:
    """Recognize the ISO base media format, which some videos have too."""
    return data[4:8] == b"ftyp"


def claimed_pixels(data: bytes) -> int:
    """Return the largest image size, in pixels, among the `ispe` boxes of an AVIF or HEIC."""
    pixels, place = 0, data.find(b"ispe", 0, 100_000)
    while place >= 0:
        width, height = data[place + 8 : place + 12], data[place + 12 : place + 16]
        pixels = max(pixels, int.from_bytes(width) * int.from_bytes(height))
        place = data.find(b"ispe", place + 4, 100_000)
    return pixels


def decode(data: bytes, max_pixels: int) -> Image.Image:
    """Decode an AVIF, a HEIC or the one page of a PDF. Returns an upright image of mode L or LA.

    Raises UnreadableImage with code several_pages, unsupported_type, too_many_pixels, animated or unreadable.
    """
    with _process("draw" if is_pdf(data) else "decode", data, max_pixels) as process:
        assert process.stdout is not None
        decoded = process.stdout.read()
    _check(process.returncode)
    try:
        mode, width, height = struct.unpack_from(HEAD, decoded)
        return Image.frombytes(mode.rstrip(b"\0").decode(), (width, height), decoded[struct.calcsize(HEAD) :])
    except (struct.error, ValueError) as error:
        raise UnreadableImage(*DAMAGED) from error


def split_pdf(data: bytes) -> Iterator[bytes]:
    """Yield the pages of a PDF as PDFs. Raises UnreadableImage, possibly after some pages."""
    with _process("split", data) as process:
        assert process.stdout is not None
        while len(head := process.stdout.read(4)) == 4:
            length = int.from_bytes(head)
            page = process.stdout.read(length)
            if len(page) < length:
                break
            yield page
    _check(process.returncode)


@contextmanager
def _process(order: str, data: bytes, max_pixels: int = 0) -> Iterator[subprocess.Popen[bytes]]:
    """Run the process on a file; kill it when the context ends, or after TIMEOUT."""
    # Without the site's environment: it holds secrets.
    environment = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    with subprocess.Popen(  # noqa: S603  # our own file and our own arguments
        [sys.executable, "-I", PROCESS, order, str(max_pixels)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    ) as process:
        timer = threading.Timer(TIMEOUT, process.kill)
        timer.start()
        try:
            assert process.stdin is not None
            try:
                process.stdin.write(data)
                process.stdin.close()
            except BrokenPipeError:
                pass  # It exited before it had read all; its exit code says why.
            yield process
        except BaseException:
            process.kill()
            raise
        finally:
            process.wait()
            timer.cancel()


def _check(exit_code: int) -> None:
    if exit_code:
        raise UnreadableImage(*REFUSALS.get(exit_code, DAMAGED))
