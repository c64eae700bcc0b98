"""Bytes -> page. The only code that parses what a stranger sent."""

import io
import warnings

import cv2
import numpy as np
from PIL import Image, ImageOps

from .errors import UnreadableImage
from .framing import SIDE

MAX_BYTES = 10 * 1024 * 1024
MAX_PIXELS = 25_000_000
FORMATS = ("PNG", "JPEG", "WEBP")
LOSSLESS_PIXELS = 2_000_000
"""Pages up to this many pixels are kept as PNG; larger ones, photos, as JPEG."""

# To try each filter on each row, and to look for more than repeated pixels, takes four times as long and saves nothing
# on ink and paper.
PNG = [cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_SUB, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]

PNG_START = b"\x89PNG\r\n\x1a\n"
MOST_CHUNKS = 10_000
"""Parts a PNG may have: a 10 MB file of the usual 8 kB parts has 1,300."""


def open_image(data: bytes) -> np.ndarray:
    """Decode PNG, JPEG or WebP bytes to an upright grey page.

    EXIF rotation is applied, transparency is laid on the paper that contrasts with it, 16 bit is scaled to 8.
    Size is checked from the header, before any pixel is decoded. Returns uint8 (height, width).
    Raises UnreadableImage with code empty, too_large, unsupported_type, too_many_pixels, animated,
    truncated or unreadable.
    """
    if not data:
        raise UnreadableImage("empty", "The file is empty.")
    if len(data) > MAX_BYTES:
        raise UnreadableImage("too_large", "The image is larger than 10 MB. Send a smaller one.")
    with warnings.catch_warnings():
        # Pillow warns of odd metadata and of sizes that are checked here; neither is the sender's business.
        warnings.simplefilter("ignore")
        return _decode(data)


def _decode(data: bytes) -> np.ndarray:
    if data.startswith(PNG_START) and _has_too_many_chunks(data):
        raise UnreadableImage("unreadable", "The image is damaged and cannot be read.")
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise _too_many_pixels() from error
    except Exception as error:  # Pillow's parsers raise many kinds; all mean the same to the sender.
        raise UnreadableImage("unsupported_type", "This is not a PNG, JPEG or WebP image.") from error
    with image:
        if image.width * image.height > MAX_PIXELS:
            raise _too_many_pixels()
        if getattr(image, "is_animated", False):
            raise UnreadableImage("animated", "The image is animated. Send a still one.")
        try:
            image.load()
            ImageOps.exif_transpose(image, in_place=True)
            return _grey(image)
        except OSError as error:
            if "truncated" in str(error) or "incomplete" in str(error):
                raise UnreadableImage("truncated", "The image is cut short. Send it again.") from error
            raise UnreadableImage("unreadable", "The image is damaged and cannot be read.") from error
        except Exception as error:
            raise UnreadableImage("unreadable", "The image is damaged and cannot be read.") from error


def _has_too_many_chunks(data: bytes) -> bool:
    """Tell a PNG of so many parts that walking through them is all that it is made for."""
    place = len(PNG_START)
    for _ in range(MOST_CHUNKS):
        # Length, kind, data, checksum.
        place += 12 + int.from_bytes(data[place : place + 4])
        if place >= len(data):
            return False
    return True


def _too_many_pixels() -> UnreadableImage:
    return UnreadableImage("too_many_pixels", "The image has more than 25 megapixels. Send a smaller one.")


def _grey(image: Image.Image) -> np.ndarray:
    """uint8 (height, width) of an image in any of Pillow's modes."""
    if image.mode.startswith("I") or image.mode == "F":
        return _from_wide(np.asarray(image))
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        return _flatten(np.asarray(image.convert("RGBA")))
    return np.asarray(image if image.mode == "L" else image.convert("L"))


def _from_wide(pixels: np.ndarray) -> np.ndarray:
    """Scale 16 bit to 8 by the format's range: a scanner that uses a part of it stays comparable."""
    scaled = np.clip(pixels.astype(np.float32) / 257.0, 0, 255)
    return np.asarray(np.round(scaled), np.uint8)


def _flatten(rgba: np.ndarray) -> np.ndarray:
    """Lay a transparent image on paper: white, or black where what is drawn is mostly light."""
    grey = cv2.cvtColor(rgba, cv2.COLOR_RGBA2GRAY).astype(np.float32)
    alpha = rgba[..., 3].astype(np.float32) / 255
    drawn = alpha.sum()
    light = drawn > 0 and float((grey * alpha).sum() / drawn) > 127
    # An opaque photo with an alpha channel has no paper to lay it on; the choice then changes nothing.
    paper = 0.0 if light else 255.0
    return np.asarray(np.round(grey * alpha + paper * (1 - alpha)), np.uint8)


def encode_page(page: np.ndarray) -> tuple[bytes, str]:
    """Encode a page as it is kept: pixels only, no metadata.

    page: uint8 (height, width). Returns the bytes and the extension, "png" or, above two megapixels, "jpg".
    """
    if page.size <= LOSSLESS_PIXELS:
        done, encoded = cv2.imencode(".png", page, PNG)
        extension = "png"
    else:
        done, encoded = cv2.imencode(".jpg", page, [cv2.IMWRITE_JPEG_QUALITY, 90])
        extension = "jpg"
    if not done:
        raise ValueError("the page could not be encoded")
    return encoded.tobytes(), extension


def frames_strip(frames: list[np.ndarray] | tuple[np.ndarray, ...]) -> bytes:
    """Encode frames side by side as one PNG, 28 high and 28 n wide, ink white on black.

    frames: n arrays float32 (28, 28), n >= 1.
    """
    strip = np.round(np.hstack(frames) * 255).astype(np.uint8)
    done, encoded = cv2.imencode(".png", strip, PNG)
    if not done:
        raise ValueError("the frames could not be encoded")
    return encoded.tobytes()


def open_strip(data: bytes) -> np.ndarray:
    """Decode a strip made by `frames_strip`. Returns float32 (n, 28, 28)."""
    strip = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    if strip is None or strip.shape[0] != SIDE or strip.shape[1] % SIDE:
        raise ValueError("this is no strip of frames")
    return np.stack(np.hsplit(strip, strip.shape[1] // SIDE)).astype(np.float32) / 255
