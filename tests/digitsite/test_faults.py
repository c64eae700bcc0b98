"""Answers of the site when a service it needs is missing."""

import errno
import json
import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.core.cache import cache
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError, connection
from django.test import Client

from recognizer.models import ModelVersion, Prediction
from tests.factories import user_client
from tests.fakes import FakeReader

STORE, PREVIEW = "/api/v1/predictions/", "/api/v1/predictions/preview/"

pytestmark = pytest.mark.django_db


def post(picture: bytes, path: str = STORE) -> Any:
    client = Client(raise_request_exception=False)
    return client.post(path, {"image": SimpleUploadedFile("a.png", picture)})


def raising(error: Exception) -> Callable[..., Any]:
    def fail(*args: Any, **options: Any) -> Any:
        raise error

    return fail


def assert_to_come_back(response: Any, code: str) -> None:
    assert (response.status_code, json.loads(response.content)["code"]) == (503, code)
    assert int(response["Retry-After"]) > 0
    assert not Prediction.objects.exists()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO])
@pytest.mark.usefixtures("image_files")
def test_full_disk_returns_503_and_stores_nothing(
    reader: FakeReader, picture: bytes, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(default_storage, "save_all", raising(OSError(number, "of the disk")))
    assert_to_come_back(post(picture), "not_stored")


@pytest.mark.usefixtures("image_files")
def test_locked_database_returns_503_and_leaves_no_image(
    reader: FakeReader, picture: bytes, media: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Prediction, "insert", raising(OperationalError("database is locked")))
    assert_to_come_back(post(picture), "not_stored")
    assert not [path for path in media.rglob("*.png") if "predictions" in path.parts]


@contextmanager
def locked_database() -> Iterator[None]:
    """Lock SQLite over another connection."""
    if connection.vendor != "sqlite":
        pytest.skip("the lock is SQLite's")
    with closing(sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


@pytest.mark.django_db(transaction=True)
def test_pages_with_a_locked_database_return_503(user: Any, make_prediction: Any) -> None:
    made = make_prediction(owner=user)
    browser, stranger = user_client(user, raise_request_exception=False), Client(raise_request_exception=False)
    log_in = {"login": "ada", "password": "a long pass phrase"}
    with locked_database(), connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 50")
        for answer in (
            browser.post(f"/predictions/{made.pk}/flag/", {"text": "7"}),
            browser.post(f"/predictions/{made.pk}/delete/"),
            browser.post("/history/erase/"),
            browser.post("/api-access/", {"name": "a key", "scopes": ["read"]}),
            browser.post("/accounts/erase/", {"password": "a long pass phrase"}),
            stranger.post("/accounts/login/", log_in),
        ):
            assert answer.status_code == 503
            assert int(answer["Retry-After"]) > 0
            assert "Try again" in answer.content.decode()
    assert list(Prediction.objects.all()) == [made]
    assert stranger.post("/accounts/login/", log_in).status_code == 302


@pytest.mark.parametrize("error", [OperationalError("database or disk is full"), OSError(errno.ENOSPC, "full")])
@pytest.mark.parametrize("path", ["/history/", "/api/v1/predictions/"])
def test_session_that_cannot_be_stored_returns_503(
    user: Any, monkeypatch: pytest.MonkeyPatch, settings: Any, error: Exception, path: str
) -> None:
    settings.SESSION_SAVE_EVERY_REQUEST = True
    client = user_client(user, raise_request_exception=False)
    monkeypatch.setattr(SessionStore, "save", raising(error))
    answer = client.get(path)
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")


def test_bug_in_a_view_returns_500(user: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Prediction.objects.__class__, "of", raising(ValueError("a fault")))
    answer = user_client(user, raise_request_exception=False).get("/history/")
    assert (answer.status_code, answer.has_header("Retry-After")) == (500, False)


def test_missing_files_of_all_networks_are_reported(version: ModelVersion, picture: bytes) -> None:
    # Leave no older version, which would be used instead of the damaged one.
    ModelVersion.objects.exclude(pk=version.pk).filter(promotions__isnull=False).update(litert_sha256="gone")
    default_storage.delete(version.litert_file.name)
    for path in (STORE, PREVIEW):
        assert_to_come_back(post(picture, path), "not_serving")


def test_calls_continue_uncounted_without_the_cache(
    reader: FakeReader, picture: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(type(cache._connections["default"]), "count", raising(ConnectionError("refused")))  # type: ignore[attr-defined]
    with caplog.at_level(logging.ERROR):
        assert post(picture).status_code == 201
    assert "rate limits are off" in caplog.text
