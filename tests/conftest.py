"""Fixtures for all tests: a private media folder, users, pictures made in memory, and a reader."""

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings as site
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.test import override_settings
from django.utils import translation
from PIL import Image, ImageDraw

from digitsite import health
from keys import usage
from recognizer import models
from recognizer.models import ModelVersion, Prediction
from recognizer.predictions import save_images
from recognizer.reading import encode_page, frames_strip
from recognizer.serving import cache as serving
from training.synthesis.datasets import Examples, Mnist, load_mnist

from .factories import encoded, reading_of
from .fakes import FakeCache, FakeReader

SYSTEM = Path(__file__).parent / "system"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark system tests, which are run again if they fail, and tests that use a database."""
    for item in items:
        if SYSTEM in item.path.parents:
            item.add_marker("system")
            item.add_marker(pytest.mark.flaky(reruns=1))
        elif {"db", "transactional_db"} & set(getattr(item, "fixturenames", ())) or item.get_closest_marker(
            "django_db"
        ):
            item.add_marker("database")


@pytest.fixture(scope="session", autouse=True)
def site_for_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep files apart from the real ones, and speak plain HTTP without collected static files."""
    storages = site.STORAGES | {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
    with override_settings(
        MEDIA_ROOT=tmp_path_factory.mktemp("media"),
        STATIC_ROOT=tmp_path_factory.mktemp("static"),
        STORAGES=storages,
        SECURE_SSL_REDIRECT=False,
        # WhiteNoise serves them from their sources, and reads its settings once at start.
        WHITENOISE_USE_FINDERS=True,
        WHITENOISE_AUTOREFRESH=True,
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    ):
        yield


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    tmp_path_factory: pytest.TempPathFactory, django_db_modify_db_settings_parallel_suffix: None
) -> None:
    """Give each worker a database of its own, SQLite's in a file, as the site has it.

    In memory, all threads of a server would share one connection.
    """
    database = site.DATABASES["default"]
    if database["ENGINE"] == "django.db.backends.sqlite3":
        database["TEST"]["NAME"] = tmp_path_factory.mktemp("database") / "test.sqlite3"


@pytest.fixture(autouse=True)
def fresh_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reset each test's process: no counted calls, no loaded network."""
    cache.clear()
    monkeypatch.setattr(serving, "_cache", serving._Cache())
    serving._pinned.cache_clear()
    monkeypatch.setattr(usage, "_calls", usage.CallCounts())
    monkeypatch.setattr(health, "_probe", health.Probe())


@pytest.fixture
def media(tmp_path: Path, settings: Any) -> Path:
    """An empty media folder of this test's own."""
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.MEDIA_ROOT.mkdir()
    return settings.MEDIA_ROOT


@pytest.fixture
def image_files(media: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty media folder in which all images are files, as large ones are."""
    monkeypatch.setattr(models, "MAX_ROW_IMAGE", 0)
    return media


@pytest.fixture
def picture() -> bytes:
    """A PNG with two strokes of ink on paper."""
    image = Image.new("L", (120, 60), 255)
    draw = ImageDraw.Draw(image)
    draw.line((30, 10, 30, 50), fill=0, width=5)
    draw.line((80, 10, 80, 50), fill=0, width=5)
    return encoded(image)


@pytest.fixture
def blank() -> bytes:
    return encoded(np.full((40, 40), 255, np.uint8))


@pytest.fixture(autouse=True)
def english_again() -> Iterator[None]:
    """A thread keeps the language of its last request."""
    yield
    translation.activate("en")


@pytest.fixture(scope="session")
def mnist_pictures() -> dict[int, bytes]:
    """One real MNIST test digit of each kind, as PNG."""
    with np.load(site.BASE_DIR / "training" / "data" / "mnist.npz") as arrays:
        images, labels = arrays["x_test"], arrays["y_test"]
    return {digit: encoded(images[int(np.flatnonzero(labels == digit)[0])]) for digit in range(10)}


@pytest.fixture(scope="session")
def mnist() -> Mnist:
    return load_mnist()


@pytest.fixture(scope="session")
def little_mnist(mnist: Mnist) -> Mnist:
    """A few digits: enough to run a training, too few to learn."""

    def some(examples: Examples, count: int) -> Examples:
        return Examples(examples.images[:count], examples.labels[:count])

    return Mnist(some(mnist.train, 192), some(mnist.validation, 64), some(mnist.test, 64))


@pytest.fixture
def version(db: None) -> ModelVersion:
    """A current version with stored files that are not networks."""
    card = json.loads((site.SHIPPED_VERSION / "card.json").read_text())
    card["metrics"]["test_accuracy"] = 0.5
    version = ModelVersion(name="test version", card=card)
    version.keras_file.save("digits.keras", ContentFile(b"keras"), save=False)
    version.litert_file.save("digits.tflite", ContentFile(b"litert"), save=False)
    strip = frames_strip([np.zeros((28, 28), np.float32)] * len(card["mistakes"]))
    version.mistakes.save("mistakes.png", ContentFile(strip), save=False)
    version.save()
    version.promote()
    return version


@pytest.fixture
def reader(version: ModelVersion, monkeypatch: pytest.MonkeyPatch) -> FakeReader:
    """This process's reader; it reads every picture as 42."""
    reader = FakeReader(version)
    monkeypatch.setattr(serving, "_cache", FakeCache(reader))
    return reader


@pytest.fixture
def no_reader(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "_cache", FakeCache(None))


@pytest.fixture
def make_prediction(version: ModelVersion) -> Callable[..., Prediction]:
    """Store predictions without reading anything; of a visitor of their own unless told otherwise."""

    def make(text: str = "42", **facts: Any) -> Prediction:
        if "owner" not in facts:
            facts.setdefault("visitor", uuid.uuid4())
        page = np.full((60, 120), 255, np.uint8)
        reading = reading_of(text, page)
        prediction = Prediction(
            text=text,
            confidence=reading.confidence,
            source=facts.pop("source", "api"),
            width=120,
            height=60,
            frames=frames_strip([digit.frame for digit in reading.digits]),
            digits=[digit.as_json() for digit in reading.digits],
            model_version=facts.pop("model_version", version),
            **facts,
        )
        prediction.take_image(*encode_page(page))
        save_images([prediction])
        prediction.save()
        return prediction

    return make


@pytest.fixture
def user(db: None) -> User:
    return User.objects.create_user("ada", password="a long pass phrase")


@pytest.fixture
def other_user(db: None) -> User:
    return User.objects.create_user("blaise", password="a long pass phrase")


@pytest.fixture
def staff(db: None) -> User:
    return User.objects.create_user("grace", password="a long pass phrase", is_staff=True)


@pytest.fixture
def superuser(db: None) -> User:
    return User.objects.create_superuser("root", password="a long pass phrase")
