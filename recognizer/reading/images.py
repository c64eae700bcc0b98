"""Picture bytes -> page. The only code that parses uploaded pictures."""

import io
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
from PIL import ExifTags, Image

from .errors import Unreadable, UnreadableImage
from .framing import SIDE
from .isolated import PAGE_PIXELS, UNSUPPORTED, claimed_pixels, decode, is_avif_or_heic, is_pdf, split_pdf

MAX_BYTES = 10 * 1024 * 1024
MAX_PIXELS = 25_000_000
WEBP_FACTOR = 2
"""How many times the pixels of a WebP count: Pillow needs 15 bytes for each, so two large ones must not be decoded at a
time."""

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
FIRST_ALONE = ("GIF", "MPO")
"""Formats that may hold several images of which the first is the picture. The others are animation or a depth map."""

NEW_SUBFILE, TILE_WIDTH, TILE_HEIGHT = 254, 322, 323
"""TIFF tags: the role of an image in the file, and the size of the tiles that it is decoded in."""
LOSSLESS_PIXELS = 2_000_000
"""Pages up to this many pixels are stored as PNG; larger ones, which are photos, as JPEG."""

FEW_LEVELS = 16
"""With at most this many grey levels, a PNG needs less than a byte per pixel."""

LOSSLESS = 101
"""WebP quality at which OpenCV encodes without loss."""

# On paper most rows equal the row above, so the filter leaves runs of zeros. Searching for other repeats takes three
# times as long and seldom finds any.
FILTER = [cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP]
PNG = [*FILTER, cv2.IMWRITE_PNG_COMPRESSION, 3, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
SLOW_PNG = [*FILTER, cv2.IMWRITE_PNG_COMPRESSION, 6]

STRIP_PIXELS = 250_000
"""Pixels converted to grey at a time."""

PNG_START = b"\x89PNG\r\n\x1a\n"
TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
MAX_PAGES = 500
MAX_COPIES = 10
"""Thumbnails that may follow a page of a TIFF."""

MAX_CHUNKS = 10_000
"""Chunks in a PNG. A 10 MB file with the usual 8 kB chunks has 1,300."""


def open_image(data: bytes) -> np.ndarray:
    """Decode a picture, the first frame of a GIF, or the only page of a PDF or TIFF to an upright grey page.

    EXIF rotation is applied, transparent pixels become white or black paper, 16 bit is scaled to 8. The size in the
    header is checked before any pixel is decoded. Returns uint8 (height, width).
    Raises UnreadableImage with code empty, too_large, unsupported_type, too_many_pixels, animated, several_pages,
    truncated or unreadable.
    """
    if not data:
        raise UnreadableImage(Unreadable.EMPTY, "The file is empty.")
    if len(data) > MAX_BYTES:
        raise UnreadableImage(Unreadable.TOO_LARGE, "The image is larger than 10 MB. Send a smaller one.")
    with warnings.catch_warnings():
        # Pillow warns about odd metadata, which does not matter here, and about sizes, which are checked below.
        warnings.simplefilter("ignore")
        if is_isolated(data):
            return _grey(decode(data, MAX_PIXELS))
        with _opened(data) as image:
            if image.format == "TIFF" and _turn_page(image):
                raise UnreadableImage(
                    Unreadable.SEVERAL_PAGES, "The TIFF has several pages. Send one page, or all in a batch."
                )
            return _page_of(image)


def pages_of(data: bytes) -> Iterator[bytes]:
    """Yield the pages of a PDF or TIFF as files of one page each; any other file as it is.

    A file that cannot be split is also yielded as it is, and `open_image` then raises what is wrong with it.
    """
    pages = split_pdf(data) if is_pdf(data) else _split_tiff(data)
    try:
        first, second = next(pages, None), next(pages, None)
        yield data if first is None or second is None else first
        yield from (second,) if second is not None else ()
        yield from pages
    except UnreadableImage:
        yield data


def is_isolated(data: bytes) -> bool:
    """Tell whether another process decodes a picture: whether it is a PDF, AVIF or HEIC."""
    return is_pdf(data) or is_avif_or_heic(data)


def pixels_in(data: bytes) -> int:
    """Return the number of pixels by a picture's header; 0 if it is not a picture that can be read."""
    if is_pdf(data):
        return PAGE_PIXELS
    if is_avif_or_heic(data):
        return claimed if (claimed := claimed_pixels(data)) <= MAX_PIXELS else 0
    if data.startswith(PNG_START) and _has_too_many_chunks(data):
        return 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                pixels = image.width * image.height
        except Exception:  # Pillow's parsers raise many kinds; `open_image` tells which.
            return 0
    return pixels if pixels <= MAX_PIXELS else 0


def pixels_decoded(data: bytes) -> int:
    """Return the number of pixels in memory while a picture is decoded; 0 if it is not a picture that can be read."""
    return pixels_in(data) * (WEBP_FACTOR if data[8:12] == b"WEBP" else 1)


def _opened(data: bytes) -> Image.Image:
    """Open a picture: parse its header and check its size, without decoding pixels."""
    if data.startswith(PNG_START) and _has_too_many_chunks(data):
        raise _damaged()
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise _too_many_pixels() from error
    except Exception as error:  # Pillow's parsers raise many kinds; all mean the same to the sender.
        raise UnreadableImage(*UNSUPPORTED) from error
    _check_size(image)
    # Not for a TIFF: counting its frames visits each, and there may be a million.
    if image.format not in (*FIRST_ALONE, "TIFF") and getattr(image, "is_animated", False):
        raise UnreadableImage(Unreadable.ANIMATED, "The image is animated. Send a still one.")
    return image


def _check_size(image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise _too_many_pixels()
    tags = getattr(image, "tag_v2", {})
    tile = [tags.get(tag, 1) for tag in (TILE_WIDTH, TILE_HEIGHT)]
    if not all(isinstance(side, int) for side in tile) or tile[0] * tile[1] > MAX_PIXELS:
        raise _too_many_pixels()


def _page_of(image: Image.Image) -> np.ndarray:
    """Decode an opened picture. Raises UnreadableImage with code truncated or unreadable."""
    try:
        image.load()
        return _upright(_grey(image), image.getexif().get(ExifTags.Base.Orientation, 1))
    except OSError as error:
        if "truncated" in str(error) or "incomplete" in str(error):
            raise UnreadableImage(Unreadable.TRUNCATED, "The image is cut short. Send it again.") from error
        raise _damaged() from error
    except Exception as error:
        raise _damaged() from error


def _turn_page(image: Image.Image) -> bool:
    """Go to the next page of a TIFF, skipping thumbnails. Returns whether there is one; if not, stays at this page."""
    here = image.tell()
    try:
        for place in range(here + 1, here + 1 + MAX_COPIES):
            image.seek(place)
            if not int(image.tag_v2.get(NEW_SUBFILE, 0)) & 1:  # type: ignore[attr-defined]  # a TIFF's
                return True
    except Exception:  # noqa: S110  # Anything unreadable after a complete page is not a page.
        pass
    image.seek(here)
    return False


def _split_tiff(data: bytes) -> Iterator[bytes]:
    """Yield the pages of a TIFF with several, encoded as they are stored. Raises UnreadableImage."""
    if not data.startswith(TIFF_STARTS):
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with _opened(data) as image:
            if not _turn_page(image):
                return
            image.seek(0)
            for _ in range(MAX_PAGES):
                yield encode_page(_page_of(image))[0]
                if not _turn_page(image):
                    return
                _check_size(image)


def _has_too_many_chunks(data: bytes) -> bool:
    """Detect a PNG with so many chunks that parsing them would take long: an attack."""
    place = len(PNG_START)
    for _ in range(MAX_CHUNKS):
        # Length, type, data, checksum.
        place += 12 + int.from_bytes(data[place : place + 4])
        if place >= len(data):
            return False
    return True


def _damaged() -> UnreadableImage:
    return UnreadableImage(Unreadable.UNREADABLE, "The image is damaged and cannot be read.")


def _too_many_pixels() -> UnreadableImage:
    return UnreadableImage(Unreadable.TOO_MANY_PIXELS, "The image has more than 25 megapixels. Send a smaller one.")


def _upright(page: np.ndarray, orientation: Any) -> np.ndarray:
    """Rotate or mirror a page by its EXIF orientation."""
    turned = {
        2: page[:, ::-1],
        3: page[::-1, ::-1],
        4: page[::-1],
        5: page.T,
        6: page[::-1].T,
        7: page[::-1, ::-1].T,
        8: page[:, ::-1].T,
    }
    return np.ascontiguousarray(turned.get(orientation, page))


def _grey(image: Image.Image) -> np.ndarray:
    """Convert an image in any of Pillow's modes to uint8 (height, width).

    It is converted in strips: at full size each step would take several times the image's memory.
    """
    grey: Callable[[Image.Image], np.ndarray]
    if image.mode == "L":
        return np.asarray(image)
    if image.mode.startswith("I") or image.mode == "F":
        grey = _from_wide
    elif image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        paper = _paper(image)
        grey = lambda strip: _flatten(strip, paper)  # noqa: E731  # it needs the paper too
    else:
        grey = lambda strip: np.asarray(strip.convert("L"))  # noqa: E731
    page = np.empty((image.height, image.width), np.uint8)
    for top, strip in _strips(image):
        page[top : top + strip.height] = grey(strip)
    return page


def _strips(image: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """Yield strips of rows, each with its first row."""
    height = max(1, STRIP_PIXELS // image.width)
    for top in range(0, image.height, height):
        yield top, image.crop((0, top, image.width, min(top + height, image.height)))


def _from_wide(strip: Image.Image) -> np.ndarray:
    """Scale 16 bit to 8 by the format's full range, not the range used, so that one scanner's pages are comparable."""
    scaled = np.clip(np.asarray(strip).astype(np.float32) / 257.0, 0, 255)
    return np.asarray(np.round(scaled), np.uint8)


def _paper(image: Image.Image) -> float:
    """Choose the paper behind a transparent image: black if the drawing is mostly light, else white.

    In an opaque photo with an alpha channel no paper shows, so the choice changes nothing.
    """
    drawn = light = 0
    for _, strip in _strips(image):
        grey, alpha = _grey_and_alpha(strip)
        drawn += int(alpha.sum(dtype=np.int64))
        light += int(np.vdot(grey.astype(np.int64), alpha.astype(np.int64)))
    return 0.0 if light > 127 * drawn else 255.0


def _grey_and_alpha(strip: Image.Image) -> tuple[np.ndarray, np.ndarray]:
    rgba = np.asarray(strip.convert("RGBA"))
    return cv2.cvtColor(rgba, cv2.COLOR_RGBA2GRAY), rgba[..., 3]


def _flatten(strip: Image.Image, paper: float) -> np.ndarray:
    """Blend a strip of a transparent image with its paper."""
    grey, opaque = _grey_and_alpha(strip)
    alpha = opaque.astype(np.float32) / 255
    return np.asarray(np.round(grey.astype(np.float32) * alpha + paper * (1 - alpha)), np.uint8)


Encoded = tuple[bytes, str]
"""An encoded page and its extension."""


def encode_page(page: np.ndarray, came_in: bytes | None = None) -> Encoded:
    """Encode a page for storage: pixels only, no metadata.

    page: uint8 (height, width). came_in: the uploaded file. If browsers can show its format, the least lossy encoding
    that is no larger than the file is taken, or the smallest if all are larger. Returns the bytes and the extension:
    "png"; "jpg" above two megapixels or where a PNG would be too large; "webp" where no JPEG is small enough.
    """
    at_most = len(came_in) if came_in is not None and _is_shown_by_browsers(came_in) else None
    encodings = _encodings(page, at_most or 0)
    smallest = next(encodings)
    while at_most is not None and len(smallest[0]) > at_most and (encoded := next(encodings, None)):
        smallest = min(smallest, encoded, key=lambda each: len(each[0]))
    return smallest


def _is_shown_by_browsers(data: bytes) -> bool:
    heic = is_avif_or_heic(data) and not any(brand in data[8:64] for brand in (b"avif", b"avis"))
    return not (heic or is_pdf(data) or data.startswith(TIFF_STARTS))


def _encodings(page: np.ndarray, at_most: int) -> Iterator[Encoded]:
    """Yield encodings of a page, the least lossy first; slow ones only if pixels are few or the result may fit."""
    if page.size <= LOSSLESS_PIXELS:
        yield (quick := _encoded(page, "png", PNG))
        if len(quick[0]) < 2 * at_most:
            yield _encoded(page, "png", SLOW_PNG)
    else:
        yield _encoded(page, "jpg", [cv2.IMWRITE_JPEG_QUALITY, 90])
    small = page.size <= STRIP_PIXELS
    levels = np.flatnonzero(np.bincount(page.ravel(), minlength=256))
    if small or len(levels) <= FEW_LEVELS:
        yield _packed_png(page, levels, 9 if small or len(levels) <= 2 else 6)
    if small:
        yield _encoded(page, "webp", [cv2.IMWRITE_WEBP_QUALITY, LOSSLESS])
    for quality in (90, 80, 65, 50, 35):
        yield _encoded(page, "jpg", [cv2.IMWRITE_JPEG_QUALITY, quality])
    for quality in (50, 20, 1):
        yield _encoded(page, "webp", [cv2.IMWRITE_WEBP_QUALITY, quality])


def _packed_png(page: np.ndarray, levels: np.ndarray, effort: int) -> Encoded:
    """Encode a PNG with as few bits per pixel as its grey levels need. effort: zlib's level, at most 9."""
    image = Image.fromarray(page)
    if set(levels) <= {0, 255}:
        image = image.convert("1", dither=Image.Dither.NONE)
    elif len(levels) <= FEW_LEVELS:
        image = Image.fromarray(np.searchsorted(levels, page).astype(np.uint8), "P")
        image.putpalette(np.repeat(levels, 3).astype(np.uint8).tobytes())
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=effort)
    return out.getvalue(), "png"


def _encoded(page: np.ndarray, kind: str, params: list[int]) -> Encoded:
    done, encoded = cv2.imencode(f".{kind}", page, params)
    if not done:
        raise ValueError("the page could not be encoded")
    return encoded.tobytes(), kind


def frames_strip(frames: list[np.ndarray] | tuple[np.ndarray, ...]) -> bytes:
    """Encode frames side by side as one PNG, 28 high and 28 n wide, ink white on black.

    frames: n arrays float32 (28, 28), n >= 1.
    """
    strip = np.round(np.hstack(frames) * 255).astype(np.uint8)
    return _encoded(strip, "png", PNG)[0]


def open_strip(data: bytes) -> np.ndarray:
    """Decode a strip made by `frames_strip`. Returns float32 (n, 28, 28)."""
    strip = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    if strip is None or strip.shape[0] != SIDE or strip.shape[1] % SIDE:
        raise ValueError("this is not a strip of frames")
    return np.stack(np.hsplit(strip, strip.shape[1] // SIDE)).astype(np.float32) / 255
