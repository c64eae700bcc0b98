"""The process that runs PDFium, libavif and libheif: a file on stdin, its pixels or pages on stdout. See `isolated`.

It is started by path, so that it imports none of our modules, and only the libraries that the file needs.
"""

import contextlib
import io
import resource
import struct
import sys
from typing import Any

POINTS_PER_INCH = 72
DPI = 200
PAGE_PIXELS = 4_000_000
"""Largest page to draw. A4 has 3.9 million pixels at 200 dpi."""

MAX_PAGES = 500
MAX_OUTPUT = 256 * 1024 * 1024
"""Bytes of all pages together. Pages may share resources, which each then holds a copy of."""

THREADS = 2
MEMORY = 3 * 1024**3 // 2
SECONDS = 20
UNREADABLE, ENCRYPTED, SEVERAL_PAGES, TOO_MUCH, TOO_MANY_PIXELS, ANIMATED, UNSUPPORTED = range(1, 8)
"""Exit codes. An exception exits with 1 too, which is UNREADABLE."""


def main(order: str, max_pixels: int) -> int:
    limit()
    data = sys.stdin.buffer.read()
    return decode(data, max_pixels) if order == "decode" else take_pages(data, order)


def decode(data: bytes, max_pixels: int) -> int:
    """Write an AVIF or HEIC upright, as grey pixels, with alpha if the picture has any."""
    import pi_heif
    from PIL import AvifImagePlugin, Image, ImageOps

    pi_heif.register_heif_opener(thumbnails=False)
    pi_heif.options.DECODE_THREADS = AvifImagePlugin.DEFAULT_MAX_THREADS = THREADS
    try:
        image: Image.Image = Image.open(io.BytesIO(data), formats=["AVIF", "HEIF"])
    except Image.DecompressionBombError:
        return TOO_MANY_PIXELS
    except Exception:  # The parsers raise many kinds; all mean the same to the sender.
        return UNSUPPORTED
    if image.width * image.height > max_pixels:
        return TOO_MANY_PIXELS
    # Further images in a HEIC are other shots, or a depth map of the first.
    if image.format == "AVIF" and getattr(image, "is_animated", False):
        return ANIMATED
    upright = ImageOps.exif_transpose(image)
    grey = upright.convert("LA" if upright.has_transparency_data else "L")
    write(grey.mode, grey.width, grey.height)
    sys.stdout.buffer.write(grey.tobytes())
    return 0


def write(mode: str, width: int, height: int) -> None:
    sys.stdout.buffer.write(struct.pack(">2sII", mode.encode(), width, height))


def take_pages(data: bytes, order: str) -> int:
    """Draw the one page of a PDF, or split it."""
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        return ENCRYPTED if "password" in str(error).lower() else UNREADABLE
    if order == "split":
        return split(document)
    if len(document) > 1:
        return SEVERAL_PAGES
    return draw(document) if len(document) else UNREADABLE


def limit() -> None:
    """Limit this process's memory and CPU time, and forbid it to write files."""
    for what, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, SECONDS),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        # Some systems define a limit but refuse to set it.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(what, (most, most))


def draw(document: Any) -> int:
    """Write the one page as grey pixels."""
    page = document[0]
    width, height = page.get_size()
    if not (width > 0 and height > 0):
        return UNREADABLE
    scale = min(DPI / POINTS_PER_INCH, (PAGE_PIXELS / (width * height)) ** 0.5)
    # Thinner than a pixel, it would be widened to one and exceed PAGE_PIXELS.
    if min(width, height) * scale < 1:
        return UNREADABLE
    bitmap = page.render(scale=scale, grayscale=True, may_draw_forms=False)
    rows = memoryview(bitmap.buffer)
    write("L", bitmap.width, bitmap.height)
    for row in range(bitmap.height):
        sys.stdout.buffer.write(rows[row * bitmap.stride : row * bitmap.stride + bitmap.width])
    return 0


def split(document: Any) -> int:
    """Write each page as a PDF of its own: its length in 4 bytes, then its bytes."""
    import pypdfium2

    if len(document) > MAX_PAGES:
        return TOO_MUCH
    written = 0
    for number in range(len(document)):
        page, out = pypdfium2.PdfDocument.new(), io.BytesIO()
        page.import_pages(document, [number])
        page.save(out)
        page.close()
        written += out.tell()
        if written > MAX_OUTPUT:
            return TOO_MUCH
        sys.stdout.buffer.write(struct.pack(">I", out.tell()))
        sys.stdout.buffer.write(out.getvalue())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
