"""A call can choose the version that reads."""

import base64
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from recognizer.models import ModelVersion, Prediction
from recognizer.serving import cache as serving
from tests.factories import post_json, user_client

STORE, PREVIEW = "/api/v1/predictions/", "/api/v1/predictions/preview/"
Twin = Callable[[str], ModelVersion]

pytestmark = pytest.mark.django_db


@pytest.fixture
def twin() -> Twin:
    """Store the current version under another name; it is not current."""
    serving_version = ModelVersion.objects.serving()
    assert serving_version is not None
    with serving_version.litert_file.open() as file:
        content = file.read()

    def make(name: str) -> ModelVersion:
        version = ModelVersion(name=name, litert_sha256=serving_version.litert_sha256, keras_sha256=name)
        version.litert_file.save("digits.tflite", ContentFile(content), save=False)
        version.save()
        return version

    return make


def send(client: Client, path: str, picture: bytes, version: str, **options: Any) -> Any:
    form = {"image": SimpleUploadedFile("a.png", picture), "model_version": version}
    return client.post(path, form, **options)


@pytest.mark.parametrize("path", [STORE, PREVIEW])
def test_picture_is_read_with_the_requested_version(
    client: Client, twin: Twin, mnist_pictures: dict[int, bytes], path: str
) -> None:
    twin("twin")
    answer = send(client, path, mnist_pictures[7], "twin")
    assert (answer.json()["text"], answer.json()["model_version"]) == ("7", "twin")
    assert [row.model_version.name for row in Prediction.objects.all()] == (["twin"] if path == STORE else [])


def test_json_may_name_a_version_too(client: Client, twin: Twin, mnist_pictures: dict[int, bytes]) -> None:
    twin("twin")
    picture = f"data:image/png;base64,{base64.b64encode(mnist_pictures[7]).decode()}"
    for named, expected in (({"model_version": "twin"}, "twin"), ({}, str(ModelVersion.objects.serving()))):
        answer = post_json(client, PREVIEW, {"image": picture, **named})
        assert answer.json()["model_version"] == expected


def test_unknown_version_is_refused_by_name(client: Client, picture: bytes) -> None:
    for path in (STORE, PREVIEW):
        answer = send(client, path, picture, "of yesteryear")
        assert (answer.status_code, answer.json()["code"]) == (400, "unknown_version")
        assert "/api/v1/models/" in answer.json()["detail"]


@pytest.mark.parametrize("harm", ["missing", "damaged"])
def test_version_with_a_damaged_file_fails_alone(
    client: Client, twin: Twin, mnist_pictures: dict[int, bytes], harm: str
) -> None:
    broken = twin("broken")
    if harm == "missing":
        broken.litert_file.storage.delete(broken.litert_file.name)
    else:
        broken.litert_file.save("digits.tflite", ContentFile(b"no network"))
    answer = send(client, PREVIEW, mnist_pictures[7], "broken")
    assert (answer.status_code, answer.json()["code"]) == (503, "not_serving")
    assert "Retry-After" in answer
    assert send(client, PREVIEW, mnist_pictures[7], str(ModelVersion.objects.serving())).status_code == 200


def test_process_caches_few_readers_and_loads_current_once(
    client: Client, twin: Twin, mnist_pictures: dict[int, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    loads: list[str] = []
    load = serving.load_version

    def noted(version: ModelVersion) -> serving.ServingReader:
        loads.append(version.name)
        return load(version)

    monkeypatch.setattr(serving, "load_version", noted)
    serves = serving.serving_reader().version.name
    for name in ("a", "b", "c"):
        twin(name)
    for name in (serves, "a", "b", "a", serves, "b", "c", "a"):
        assert send(client, PREVIEW, mnist_pictures[7], name).json()["model_version"] == name
    assert loads == [serves, "a", "b", "c", "a"]


def test_other_version_with_the_same_key_is_refused(twin: Twin, mnist_pictures: dict[int, bytes], user: Any) -> None:
    twin("twin")
    client = user_client(user)

    def answer(version: str) -> tuple[int, Any]:
        told = send(client, STORE, mnist_pictures[7], version, headers={"Idempotency-Key": "a"})
        return told.status_code, told.json().get("code")

    assert answer("twin") == answer("twin") == (201, None)
    assert answer(str(ModelVersion.objects.serving())) == (422, "idempotency_key_reused")
    assert Prediction.objects.count() == 1
