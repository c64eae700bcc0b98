"""Any bytes and any JSON give a reading or a refusal with a code."""

import json
from typing import Any

import numpy as np
import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from recognizer.reading import Reader, Reading, UnreadableImage, open_image
from tests.fakes import FakeReader

from .calls import JSON, LIST, PREVIEW
from .pictures import every_picture, seeds

CODES = {
    *("empty", "too_large", "unsupported_type", "too_many_pixels", "animated", "truncated", "unreadable"),
    *("too_many_pieces", "several_pages"),
}
SEEDS = seeds() + [data for data, _ in every_picture().values() if 0 < len(data) < 10_000]

thorough = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def damaged_pictures(draw: Any) -> bytes:
    """A picture with bytes changed, cut out, doubled or appended."""
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 8))):
        place = draw(st.integers(0, len(data)))
        piece = draw(st.binary(max_size=8))
        data[place : place + draw(st.integers(0, 8))] = piece
    return bytes(data)


def opens_or_is_refused(data: bytes) -> None:
    try:
        page = open_image(data)
    except UnreadableImage as error:
        code = error.code
    else:
        assert is_a_page(page)
        return
    assert code in CODES


def is_a_page(page: np.ndarray) -> bool:
    return page.dtype == np.uint8 and page.ndim == 2 and page.size > 0


@thorough
@given(st.binary(max_size=2000))
def test_any_bytes_open_or_are_refused(data: bytes) -> None:
    opens_or_is_refused(data)


@settings(thorough, max_examples=500)
@given(damaged_pictures())
def test_a_damaged_picture_opens_or_is_refused(data: bytes) -> None:
    opens_or_is_refused(data)


def is_whole(reading: Reading) -> bool:
    """Whether a reading has a text that its digits spell inside the page, or a reason."""
    height, width = reading.page.shape
    inside = all(
        0 <= box.x < box.x + box.width <= width and 0 <= box.y < box.y + box.height <= height
        for box in (digit.box for digit in reading.digits)
    )
    spelled = "".join(str(digit.label) for digit in reading.digits) == reading.text.replace("\n", "")
    return inside and spelled and (reading.reason is None) == bool(reading.text) and 0 <= reading.confidence <= 1


@thorough
@given(arrays(np.uint8, st.tuples(st.integers(1, 60), st.integers(1, 60))))
def test_any_page_gives_a_number_or_a_reason(shipped: Reader, page: np.ndarray) -> None:
    assert is_whole(shipped.read_page(page))


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.just("image"), inner, max_size=4),
    max_leaves=20,
)


def assert_refused_by_name(body: bytes, path: str, kind: str = JSON) -> None:
    client = Client(raise_request_exception=False)
    response = client.post(path, body, content_type=kind)
    assert response.status_code in (400, 413)
    assert isinstance(response.json()["code"], str)


@pytest.mark.django_db
@thorough
@given(body=anything | st.fixed_dictionaries({"image": anything}), path=st.sampled_from([LIST, PREVIEW]))
def test_any_json_is_refused_by_name(reader: FakeReader, body: Any, path: str) -> None:
    assert_refused_by_name(json.dumps(body).encode(), path)


@pytest.mark.django_db
@thorough
@given(body=st.binary(max_size=200), kind=st.sampled_from([JSON, "multipart/form-data; boundary=x"]))
def test_any_body_is_refused_by_name(reader: FakeReader, body: bytes, kind: str) -> None:
    assert_refused_by_name(body, LIST, kind)


@pytest.mark.django_db
@thorough
@given(query=st.dictionaries(st.text(max_size=10), st.text(max_size=10), max_size=3))
def test_any_query_of_the_list_is_answered(reader: FakeReader, query: dict[str, str]) -> None:
    response = Client(raise_request_exception=False).get(LIST, query)
    assert response.status_code in (200, 400, 404)
    response.json()
