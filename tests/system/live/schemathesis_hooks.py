"""Valid values that the schema cannot describe: pictures, zips, versions, webhooks."""

import base64
import io
import json
import zipfile
from pathlib import Path
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
VERSION = json.loads(Path("training/shipped/card.json").read_text())["name"]


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
    # Anything that matches the pattern would count as a picture.
    del schemas["DataUrlRequest"]["properties"]["image"]["pattern"]
    many = schemas["ManyRequest"]
    for request in (schemas["PictureRequest"], schemas["DataUrlRequest"], many):
        request["properties"]["model_version"] = {"enum": [VERSION]}
    many["properties"]["webhook"] = {"enum": ["https://example.com/told"]}
    # One of both is needed; files of an array come without names, so the archive stands for them.
    del many["properties"]["images"]
    many["required"] = ["archive"]


@schemathesis.hook
def filter_query(context: Any, query: dict[str, Any] | None) -> bool:
    """Leave out days in the wrong order, which are refused."""
    first, last = ((query or {}).get(name) for name in ("date_from", "date_to"))
    return not (isinstance(first, str) and isinstance(last, str)) or first <= last
