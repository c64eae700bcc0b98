"""Pictures that would take seconds to read."""

import cv2
import numpy as np
import pytest
from django.conf import settings as site
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from recognizer.reading import Reader
from tests.factories import encoded

pytestmark = pytest.mark.django_db


def many_digits(side: int, cell: int) -> bytes:
    """A page full of handwritten digits, each so many pixels wide."""
    with np.load(site.BASE_DIR / "training" / "data" / "mnist.npz") as arrays:
        digits = [cv2.resize(255 - digit, (cell, cell)) for digit in arrays["x_test"][:50]]
    row = [np.hstack([digits[(number + turn) % 50] for number in range(side // cell)]) for turn in range(side // cell)]
    return encoded(np.vstack(row))


@pytest.mark.parametrize(("side", "cell"), [(5000, 40), (1600, 13)])
def test_a_page_of_15000_digits_is_refused_before_the_network(
    client: Client, real_reader: None, shipped: Reader, monkeypatch: pytest.MonkeyPatch, side: int, cell: int
) -> None:
    monkeypatch.setattr(shipped.classifier, "classify", lambda frames: pytest.fail("the network was asked"))
    answer = client.post(
        "/api/v1/predictions/preview/", {"image": SimpleUploadedFile("a.png", many_digits(side, cell))}
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "too_many_pieces")
