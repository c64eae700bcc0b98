"""Thumbnails for grids and lists, made on request; browsers cache them."""

import io

from PIL import Image

from .models import Prediction
from .reading import open_image

SIDE = 320
"""Longest side of a thumbnail, in pixels."""
TINY_SIDE = 128
"""Longest side of the thumbnail stored for a refused picture, in pixels."""


def thumbnail(prediction: Prediction) -> bytes:
    """Reduce a prediction's image to at most 320 pixels. Returns PNG bytes. Raises FileNotFoundError."""
    with prediction.open_image() as file, Image.open(file, formats=("PNG", "JPEG", "WEBP")) as picture:
        # JPEG can be decoded at an eighth of its size, which is eight times faster.
        picture.draft("L", (2 * SIDE, 2 * SIDE))
        picture.thumbnail((SIDE, SIDE))
        out = io.BytesIO()
        picture.save(out, "PNG")
    return out.getvalue()


def tiny_copy(data: bytes) -> bytes:
    """Reduce a picture's file to at most 128 pixels. Returns JPEG bytes. Raises UnreadableImage."""
    picture = Image.fromarray(open_image(data))
    picture.thumbnail((TINY_SIDE, TINY_SIDE))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=60)
    return out.getvalue()
