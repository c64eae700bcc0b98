"""Limits of JSON bodies before parsing."""

import base64
import json
import tracemalloc
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from recognizer.api.parsers import MAX_JSON_BYTES
from tests.factories import user_client
from tests.fakes import FakeReader

PREVIEW = "/api/v1/predictions/preview/"

pytestmark = pytest.mark.django_db


def post(body: bytes, path: str = PREVIEW, client: Client | None = None) -> Any:
    return (client or Client()).post(path, body, content_type="application/json")


def large_picture(picture: bytes, url: str = "data:image/png;base64,{}") -> str:
    """A data URL of a picture, made large by appended bytes."""
    return url.format(base64.b64encode(picture + b"\xff\xef\xbe" * MAX_JSON_BYTES).decode())


@pytest.mark.parametrize(
    "body",
    [
        '{"image": "URL"}',
        '{"source":"draw",\n"image" : "URL"}',
        '\ufeff{"image": "URL"}',
        '{"image": "URL", "source": "upload"}',
    ],
)
def test_large_picture_is_read_at_any_place_in_the_json(reader: FakeReader, picture: bytes, body: str) -> None:
    answer = post(body.lstrip("\ufeff").replace("URL", large_picture(picture)).encode())
    assert (answer.status_code, answer.json().get("text")) == (200, "42"), answer.content


def test_slashes_and_pluses_may_be_escaped(reader: FakeReader, picture: bytes) -> None:
    url = large_picture(picture)
    assert "+" in url
    body = json.dumps({"image": url}).replace("/", "\\/").replace("+", "\\u002B")
    assert post(body.encode()).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        "[" + "{}," * 100_000 + "{}]",
        "{" + ",".join(f'"{number}": 1' for number in range(20_000)) + "}",
        '{"image": "' + "A" * 100_000 + '"}',
        '{"image": "URL", "other": "URL"}',
        '["URL"]',
        '{"image": "URL" "source": "draw"}',
        '{"image": "URL',
        '{"image": "URL\\"}',
        '{"image": "URL\\x"}',
        '{"image": "URL", "other": "' + "x" * MAX_JSON_BYTES + '"}',
    ],
)
def test_other_large_body_is_refused_unparsed(reader: FakeReader, picture: bytes, body: str) -> None:
    answer = post(body.replace("URL", large_picture(picture)).encode())
    assert (answer.status_code, answer.json()["code"]) == (400, "parse_error")


@pytest.mark.parametrize("body", ['{"image": ["URL"]}', '{"image": {"a": "URL"}}', '{"image": "URL!"}'])
def test_large_picture_in_another_field_is_refused(reader: FakeReader, picture: bytes, body: str) -> None:
    answer = post(body.replace("URL", large_picture(picture)).encode())
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_base64")


def test_large_json_body_takes_no_more_memory_than_its_size(reader: FakeReader) -> None:
    body = b"[" + b"{}," * 4_600_000 + b"{}]"
    tracemalloc.start()
    try:
        assert post(body).status_code == 400
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3 * len(body)


def test_other_calls_take_64_kilobytes(user: User, reader: FakeReader, make_prediction: Any) -> None:
    client = user_client(user)
    flag = f"/api/v1/predictions/{make_prediction(owner=user).pk}/flag/"
    answer = post(json.dumps({"text": "7", "more": "x" * MAX_JSON_BYTES}).encode(), flag, client)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert post(b'{"text": "7"}', flag, client).status_code == 201
