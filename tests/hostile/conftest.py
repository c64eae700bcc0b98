from pathlib import Path

import pytest
from django.conf import settings as site

from recognizer import serving
from recognizer.models import ModelVersion
from recognizer.reading import Reader, load_classifier
from tests.conftest import FakeCache


@pytest.fixture(autouse=True)
def no_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    from recognizer.api.views import PredictionViewSet

    monkeypatch.setattr(PredictionViewSet, "throttle_classes", [])


@pytest.fixture(scope="module")
def shipped() -> Reader:
    return Reader(load_classifier((Path(site.SHIPPED_VERSION) / "digits.tflite").read_bytes(), "litert"))


@pytest.fixture
def real_reader(shipped: Reader, version: ModelVersion, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process serves the network that the project ships, loaded once for all these tests."""
    monkeypatch.setattr(serving, "_cache", FakeCache(serving.ServingReader(version, shipped)))
