import json
import logging
import logging.config
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from digitsite.logs import JsonLine
from tests.fakes import FakeReader

pytestmark = pytest.mark.django_db


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    own = [record for record in caplog.records if record.name == "digitsite.requests"]
    return [json.loads(JsonLine().format(record)) for record in own]


def test_request_is_logged_as_one_line(
    client: Client, reader: FakeReader, picture: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        response = client.post("/api/v1/predictions/?secret=x", {"image": SimpleUploadedFile("a.png", picture)})
    (line,) = lines(caplog)
    assert (line["method"], line["path"], line["status"]) == ("POST", "/api/v1/predictions/", 201)
    assert line["id"] == response["X-Request-ID"]
    assert 0 < line["ms"] < 60_000
    assert line["version"] == "test version"
    assert set(line) == {"time", "level", "logger", "message", "id", "method", "path", "status", "ms", "version"}


@pytest.mark.parametrize(("given", "taken"), [("a-1", True), ("x" * 65, False), ('a"b', False), ("é", False)])
def test_valid_request_id_is_kept(client: Client, given: str, taken: bool) -> None:
    response = client.get("/healthz", headers={"X-Request-ID": given})
    assert (response["X-Request-ID"] == given) is taken


def test_exception_is_logged_on_one_line() -> None:
    try:
        raise ValueError("of this test\nalone")
    except ValueError as error:
        record = logging.LogRecord(
            "x", logging.ERROR, "", 0, "it %s", ("failed",), (ValueError, error, error.__traceback__)
        )
    line = JsonLine().format(record)
    assert "\n" not in line
    assert json.loads(line)["message"] == "it failed"
    assert "ValueError: of this test" in json.loads(line)["trace"]


def test_unknown_host_logs_one_line(client: Client, capfd: pytest.CaptureFixture[str]) -> None:
    for path in ("/", "/api/v1/models/"):
        with console_of_the_site():
            assert client.get(path, headers={"Host": "evil.example"}).status_code == 400
        (line,) = capfd.readouterr().err.splitlines()
        assert len(line) < 300
        assert json.loads(line)["status"] == 400


@contextmanager
def console_of_the_site() -> Iterator[None]:
    """Write lines as the site does, beside pytest's own handlers."""
    console = logging.StreamHandler()
    console.setFormatter(JsonLine())
    logging.getLogger().addHandler(console)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(console)


def test_answers_are_counted_by_status(client: Client) -> None:
    client.get("/nowhere/")
    assert b'digit_responses_total{status="404"}' in client.get("/metrics").content
