from pathlib import Path

import pytest
from django.conf import settings as site

from recognizer.models import ModelVersion
from recognizer.reading import Reader, load_classifier
from recognizer.serving import cache as serving
from tests.fakes import FakeCache


@pytest.fixture(autouse=True)
def no_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    from recognizer.api.views import PredictionViewSet

    monkeypatch.setattr(PredictionViewSet, "throttle_classes", [])


@pytest.fixture
def version(db: None) -> ModelVersion:
    """The version that `migrate` installed: no test here looks at its files."""
    version = ModelVersion.objects.serving()
    assert version is not None
    return version


@pytest.fixture(scope="session")
def shipped() -> Reader:
    return Reader(load_classifier((Path(site.SHIPPED_VERSION) / "digits.tflite").read_bytes(), "litert"))


@pytest.fixture
def real_reader(shipped: Reader, version: ModelVersion, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process serves the network that the project ships, loaded once for all these tests."""
    monkeypatch.setattr(serving, "_cache", FakeCache(serving.ServingReader(version, shipped)))
