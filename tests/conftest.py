"""What every test may ask for: a private media folder, people, pictures made in memory, and a reader to install."""

import io
import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings as site
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.test import Client, override_settings
from PIL import Image, ImageDraw

from keys import usage
from recognizer import serving
from recognizer.exceptions import NoServingVersion
from recognizer.models import ModelVersion, Prediction
from recognizer.reading import Box, Digit, Reader, Reading, Reason, encode_page, frames_strip, open_image
from recognizer.visitors import SESSION_KEY


def run(command: str, *arguments: Any, **options: Any) -> tuple[str, str]:
    """Run a command of manage.py; return what it printed, and what it printed as errors."""
    out, err = io.StringIO(), io.StringIO()
    call_command(command, *map(str, arguments), stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue()


@pytest.fixture(scope="session", autouse=True)
def site_for_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep files apart from the real ones, and speak plain HTTP without collected static files."""
    storages = site.STORAGES | {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
    with override_settings(
        MEDIA_ROOT=tmp_path_factory.mktemp("media"),
        STATIC_ROOT=tmp_path_factory.mktemp("static"),
        STORAGES=storages,
        SECURE_SSL_REDIRECT=False,
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    ):
        yield


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep SQLite in a file, as the site does: in memory, all threads of a server would share one connection."""
    database = site.DATABASES["default"]
    if database["ENGINE"] == "django.db.backends.sqlite3":
        database["TEST"]["NAME"] = tmp_path_factory.mktemp("database") / "test.sqlite3"


@pytest.fixture(autouse=True)
def fresh_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start each test as a process that has counted no call and loaded no network."""
    cache.clear()
    monkeypatch.setattr(serving, "_cache", serving._Cache())
    serving._pinned.cache_clear()
    monkeypatch.setattr(usage, "_calls", usage.Calls())


@pytest.fixture
def media(tmp_path: Path, settings: Any) -> Path:
    """An empty media folder of this test's own."""
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.MEDIA_ROOT.mkdir()
    return settings.MEDIA_ROOT


def png(page: np.ndarray | Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """Encode a page, or any Pillow image."""
    out = io.BytesIO()
    image = page if isinstance(page, Image.Image) else Image.fromarray(page)
    image.save(out, kind, **options)
    return out.getvalue()


@pytest.fixture
def picture() -> bytes:
    """A PNG with two strokes of ink on paper."""
    image = Image.new("L", (120, 60), 255)
    draw = ImageDraw.Draw(image)
    draw.line((30, 10, 30, 50), fill=0, width=5)
    draw.line((80, 10, 80, 50), fill=0, width=5)
    return png(image)


@pytest.fixture
def blank() -> bytes:
    return png(np.full((40, 40), 255, np.uint8))


@pytest.fixture(scope="session")
def mnist_pictures() -> dict[int, bytes]:
    """One real MNIST test digit of each kind, as PNG."""
    with np.load(site.BASE_DIR / "training" / "data" / "mnist.npz") as arrays:
        images, labels = arrays["x_test"], arrays["y_test"]
    return {digit: png(images[int(np.flatnonzero(labels == digit)[0])]) for digit in range(10)}


def digit_of(label: int, x: int = 10, line: int = 0, confidence: float = 0.9) -> Digit:
    rest = (1 - confidence) / 9
    probabilities = tuple(confidence if other == label else rest for other in range(10))
    frame = np.zeros((28, 28), np.float32)
    frame[4:24, 12:16] = 1
    return Digit(label, confidence, Box(x, 10, 20, 40), probabilities, frame, line)


def reading_of(text: str, page: np.ndarray, reason: Reason | None = None) -> Reading:
    """Make the reading a network would have come to: text, its lines parted by newlines."""
    digits = tuple(
        digit_of(int(label), x=10 + 25 * place, line=number)
        for number, line in enumerate(text.split("\n"))
        for place, label in enumerate(line)
    )
    return Reading(text, 0.9 ** len(digits) if digits else 0.0, digits, reason, page)


class UndecidedClassifier:
    """Finds every answer equally likely."""

    def classify(self, frames: np.ndarray) -> np.ndarray:
        return np.full((len(frames), 11), 1 / 11, np.float32)


@dataclass
class FakeReader:
    """Opens pictures as the real one does, and then reads what it was told to.

    For tests whose subject is not the reading.
    """

    version: ModelVersion
    text: str = "42"
    reason: Reason | None = None
    read_count: int = field(default=0)
    reader: Reader = field(default_factory=lambda: Reader(UndecidedClassifier()))

    def read(self, data: bytes) -> Reading:
        self.read_count += 1
        page = open_image(data)
        return reading_of("" if self.reason else self.text, page, self.reason)


@dataclass
class FakeCache:
    """Stands where this process keeps its reader; without one, no version can be served."""

    reader: FakeReader | serving.ServingReader | None
    trouble: str = ""

    @property
    def current(self) -> FakeReader | serving.ServingReader | None:
        return self.reader

    def get(self) -> FakeReader | serving.ServingReader:
        if self.reader is None:
            raise NoServingVersion("no version of the network is installed")
        return self.reader


@pytest.fixture
def version(db: None) -> ModelVersion:
    """A serving version whose files are in the storage but hold no network."""
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
    """The reader of this process, which reads 42 in whatever is a picture."""
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
        encoded, extension = encode_page(page)
        prediction.image.save(f"page.{extension}", ContentFile(encoded), save=False)
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


def visitor_client(visitor: uuid.UUID, **options: Any) -> Client:
    """A browser whose session belongs to an anonymous visitor."""
    client = Client(**options)
    session = client.session
    session[SESSION_KEY] = str(visitor)
    session.save()
    client.cookies[site.SESSION_COOKIE_NAME] = session.session_key
    return client


def user_client(user: User, **options: Any) -> Client:
    client = Client(**options)
    client.force_login(user)
    return client


def post_json(client: Client, path: str, body: Any, **options: Any) -> Any:
    content = body if isinstance(body, bytes | str) else json.dumps(body)
    return client.post(path, content, content_type="application/json", **options)
