"""What the site answers where something that it stands on is gone."""

import errno
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError
from django.test import Client

from recognizer.models import ModelVersion, Prediction
from tests.conftest import FakeReader

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
def test_a_full_disk_is_told_and_nothing_is_kept(
    reader: FakeReader, picture: bytes, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(default_storage, "save_all", raising(OSError(number, "of the disk")))
    assert_to_come_back(post(picture), "not_stored")


def test_a_database_that_stays_locked_is_told_and_no_image_stays(
    reader: FakeReader, picture: bytes, media: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Prediction, "save", raising(OperationalError("database is locked")))
    assert_to_come_back(post(picture), "not_stored")
    assert not [path for path in media.rglob("*.png") if "predictions" in path.parts]


def test_networks_whose_files_are_all_gone_are_told(version: ModelVersion, picture: bytes) -> None:
    # An older version would serve in place of a damaged one: none must be left.
    ModelVersion.objects.exclude(pk=version.pk).filter(promotions__isnull=False).update(litert_sha256="gone")
    default_storage.delete(version.litert_file.name)
    for path in (STORE, PREVIEW):
        assert_to_come_back(post(picture, path), "not_serving")


def test_without_a_cache_calls_go_on_uncounted(
    reader: FakeReader, picture: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(type(cache._connections["default"]), "get", raising(ConnectionError("refused")))  # type: ignore[attr-defined]
    with caplog.at_level(logging.ERROR):
        assert post(picture).status_code == 201
    assert "limits are not counted" in caplog.text
