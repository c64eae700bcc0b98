"""What no schema can say: which bytes are a picture with a number, and which a zip of such pictures."""

import base64
import io
import zipfile
from typing import Any

import numpy
import schemathesis
from hypothesis import strategies
from PIL import Image


def digit(label: int) -> bytes:
    """One of MNIST's test digits, as PNG."""
    with numpy.load("training/data/mnist.npz") as arrays:
        image = arrays["x_test"][numpy.flatnonzero(arrays["y_test"] == label)[0]]
    out = io.BytesIO()
    Image.fromarray(image).save(out, "PNG")
    return out.getvalue()


PICTURES = [digit(label) for label in range(10)]


def packed() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number, picture in enumerate(PICTURES):
            archive.writestr(f"{number}.png", picture)
    return out.getvalue()


def data_url(picture: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(picture).decode()}"


pictures = strategies.sampled_from(PICTURES)
schemathesis.openapi.media_type("image/png", pictures, aliases=["image/jpeg", "image/webp"])
schemathesis.openapi.media_type("application/zip", strategies.just(packed()))
schemathesis.openapi.format("data-url", pictures.map(data_url))


@schemathesis.hook
def before_load_schema(context: Any, schema: dict[str, Any]) -> None:
    schemas = schema["components"]["schemas"]
    # Whatever fits the pattern would be taken for a picture.
    del schemas["DataUrlRequest"]["properties"]["image"]["pattern"]
    # Files below a oneOf cannot be generated, and those of an array come without names: the archive stands for both.
    schemas["ManyRequest"] = schemas["ArchiveRequest"]
