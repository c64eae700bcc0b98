"""Pictures, readings, clients and calls that tests make."""

import io
import json
import uuid
from typing import Any

import numpy as np
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.http import HttpResponse
from django.test import Client
from PIL import Image

from recognizer.identity import Identity, remember_visitor
from recognizer.models import Prediction
from recognizer.reading import Box, Digit, Reading, Reason


def encoded(page: np.ndarray | Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """Encode a page, or any Pillow image."""
    out = io.BytesIO()
    image = page if isinstance(page, Image.Image) else Image.fromarray(page)
    image.save(out, kind, **options)
    return out.getvalue()


def image_of(prediction: Prediction) -> bytes:
    """Return a prediction's image as it is stored."""
    with prediction.open_image() as file:
        return file.read()


def enlarged(digit: bytes) -> bytes:
    """Enlarge one of MNIST's digits to a picture whose image is stored as a file."""
    with Image.open(io.BytesIO(digit)) as image:
        page = 255 - np.asarray(image.resize((560, 560), Image.Resampling.BICUBIC))
    return encoded(np.maximum(page, 1) - np.random.default_rng(1).integers(0, 2, page.shape, np.uint8))


def digit_of(label: int, x: int = 10, line: int = 0, confidence: float = 0.9) -> Digit:
    rest = (1 - confidence) / 9
    probabilities = tuple(confidence if other == label else rest for other in range(10))
    frame = np.zeros((28, 28), np.float32)
    frame[4:24, 12:16] = 1
    return Digit(label, confidence, Box(x, 10, 20, 40), probabilities, frame, line)


def reading_of(text: str, page: np.ndarray, reason: Reason | None = None) -> Reading:
    """Make a reading with a text; lines are separated by newlines."""
    digits = tuple(
        digit_of(int(label), x=10 + 25 * place, line=number)
        for number, line in enumerate(text.split("\n"))
        for place, label in enumerate(line)
    )
    return Reading(text, 0.9 ** len(digits) if digits else 0.0, digits, reason, page)


def visitor_client(visitor: uuid.UUID, **options: Any) -> Client:
    """A browser that keeps the identity of an anonymous visitor."""
    client, response = Client(**options), HttpResponse()
    remember_visitor(response, Identity(visitor=visitor))
    client.cookies.update(response.cookies)
    return client


def grant(user: User, *codenames: str) -> User:
    """Give somebody permissions of Django's."""
    user.user_permissions.add(*Permission.objects.filter(codename__in=codenames))
    return User.objects.get(pk=user.pk)


def user_client(user: User, **options: Any) -> Client:
    client = Client(**options)
    client.force_login(user)
    return client


def post_json(client: Client, path: str, body: Any, **options: Any) -> Any:
    content = body if isinstance(body, bytes | str) else json.dumps(body)
    return client.post(path, content, content_type="application/json", **options)


def run(command: str, *arguments: Any, **options: Any) -> tuple[str, str]:
    """Run a command of manage.py; return what it printed, and what it printed as errors."""
    out, err = io.StringIO(), io.StringIO()
    call_command(command, *map(str, arguments), stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue()
