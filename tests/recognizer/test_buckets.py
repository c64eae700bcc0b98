"""Pictures and networks in a bucket of a real S3 store."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from django.conf import settings as site
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from storages.backends.s3 import S3Storage

from benchmarks.processes import free_port
from core.storage.s3 import Bucket
from digitsite.settings import file_storage
from recognizer.exceptions import NoServingVersion
from recognizer.models import ModelVersion, Prediction
from recognizer.predictions import orphaned_images
from recognizer.serving.install import install_version
from recognizer.serving.loading import load_version
from tests.factories import user_client
from tests.fakes import FakeReader
from tests.servers import s3_store

LIST = "/api/v1/predictions/"

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def store() -> Iterator[str]:
    with s3_store() as address:
        yield address


@pytest.fixture
def bucket(store: str, image_files: Path, settings: Any) -> Bucket:
    """A bucket instead of the media folder, with all images in it."""
    settings.STORAGES = site.STORAGES | {"default": file_storage(store)}
    storage = storages["default"]
    assert isinstance(storage, Bucket)
    return storage


@pytest.fixture
def store_is_gone(image_files: Path, settings: Any) -> None:
    settings.STORAGES = site.STORAGES | {"default": file_storage(f"s3://k:s@127.0.0.1:{free_port()}/digits?tls=off")}


def post(client: Client, picture: bytes) -> Any:
    return client.post(LIST, {"image": SimpleUploadedFile("a.png", picture)})


def test_picture_in_a_bucket_is_served_to_its_owner_only(
    bucket: Bucket, reader: FakeReader, picture: bytes, user: User, other_user: User
) -> None:
    answer = post(user_client(user), picture).json()
    stored = Prediction.objects.get(pk=answer["id"])
    assert bucket.exists(stored.image.name)
    assert answer["image"] == f"http://testserver{LIST}{stored.pk}/image/", "no address of the store is given away"
    shown = user_client(user).get(f"{LIST}{stored.pk}/image/")
    assert (shown.status_code, shown["Content-Type"]) == (200, "image/png")
    assert shown.content == bucket.open(stored.image.name).read()
    assert user_client(user).get(f"{LIST}{stored.pk}/image/?size=thumb").status_code == 200
    assert user_client(other_user).get(f"{LIST}{stored.pk}/image/").status_code == 404


def test_deleted_prediction_deletes_its_file_in_the_bucket(
    bucket: Bucket, reader: FakeReader, picture: bytes, user: User, django_capture_on_commit_callbacks: Any
) -> None:
    client = user_client(user)
    stored = Prediction.objects.get(pk=post(client, picture).json()["id"])
    with django_capture_on_commit_callbacks(execute=True):
        assert client.delete(f"{LIST}{stored.pk}/").status_code == 204
    assert not bucket.exists(stored.image.name)


def test_picture_missing_in_the_bucket_is_404(bucket: Bucket, reader: FakeReader, picture: bytes, user: User) -> None:
    stored = Prediction.objects.get(pk=post(user_client(user), picture).json()["id"])
    bucket.delete(stored.image.name)
    assert user_client(user).get(f"{LIST}{stored.pk}/image/").status_code == 404


def test_version_is_loaded_from_the_bucket(bucket: Bucket, db: None, mnist_pictures: dict[int, bytes]) -> None:
    version = install_version(site.SHIPPED_VERSION)
    assert bucket.exists(version.litert_file.name)
    assert load_version(version).read(mnist_pictures[7]).text == "7"


def test_stored_file_is_never_overwritten(bucket: Bucket) -> None:
    first = bucket.save("a/b.png", ContentFile(b"one"))
    second = bucket.save("a/b.png", ContentFile(b"two"))
    assert (bucket.open(first).read(), bucket.open(second).read()) == (b"one", b"two")


def test_saving_several_files_stores_all_or_none(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [(f"together/{number}.png", ContentFile(b"picture")) for number in range(20)]
    assert bucket.save_all(files) == [name for name, _ in files]
    bucket.delete("together/0.png")
    save = S3Storage._save

    def fail(storage: Bucket, name: str, content: Any) -> Any:
        if name == "torn/7.png":
            raise EndpointConnectionError(endpoint_url="http://store/")
        return save(storage, name, content)

    monkeypatch.setattr(S3Storage, "_save", fail)
    with pytest.raises(OSError, match="does not answer"):
        bucket.save_all([(name.replace("together", "torn"), content) for name, content in files])
    assert len(bucket.listdir("together")[1]) == 19
    assert bucket.listdir("torn") == ([], [])


def test_files_left_by_a_crash_are_swept_from_the_bucket(
    bucket: Bucket, make_prediction: Callable[..., Prediction]
) -> None:
    kept = make_prediction().image.name
    left = bucket.save("predictions/2026/01/01/ab/cd.png", ContentFile(b"picture"))
    orphans = list(orphaned_images(timedelta(minutes=-1)))
    assert (left in orphans, kept in orphans) == (True, False)
    call_command("sweep_media", "--minutes", "-1", verbosity=0)
    assert (bucket.exists(left), bucket.exists(kept)) == (False, True)


def test_lost_storage_returns_503_and_stores_nothing(
    reader: FakeReader, store_is_gone: None, picture: bytes, user: User
) -> None:
    answer = post(user_client(user), picture)
    assert (answer.status_code, answer.json()["code"]) == (503, "not_stored")
    assert int(answer["Retry-After"]) > 0
    assert not Prediction.objects.exists()


@pytest.mark.usefixtures("image_files")
def test_picture_returns_503_during_a_storage_outage(
    reader: FakeReader, make_prediction: Callable[..., Prediction], user: User, request: pytest.FixtureRequest
) -> None:
    stored = make_prediction(owner=user)
    request.getfixturevalue("store_is_gone")
    assert user_client(user).get(f"{LIST}{stored.pk}/image/").status_code == 503


def test_version_in_unreachable_storage_is_not_loaded(version: ModelVersion, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("store_is_gone")
    with pytest.raises(NoServingVersion):
        load_version(version)
