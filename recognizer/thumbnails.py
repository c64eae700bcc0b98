"""Small pictures for grids and lists, made when they are asked for; browsers keep them."""

import io

from django.db.models.fields.files import FieldFile
from PIL import Image

SIDE = 320
"""Longest side of a thumbnail, in pixels."""


def thumbnail(image: FieldFile) -> bytes:
    """Reduce a stored image to at most 320 pixels. Returns PNG bytes."""
    with image.open("rb") as file, Image.open(file, formats=("PNG", "JPEG")) as picture:
        # JPEG decodes at an eighth of the size for an eighth of the price.
        picture.draft("L", (2 * SIDE, 2 * SIDE))
        picture.thumbnail((SIDE, SIDE))
        out = io.BytesIO()
        picture.save(out, "PNG")
    return out.getvalue()
