"""Every invalid picture and call is refused at once as JSON, storing and revealing nothing."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site
from PIL import Image

from recognizer.models import Prediction
from recognizer.reading import Reason
from tests.fakes import FakeReader

from .calls import PREVIEW, Call, every_call
from .making import make, post
from .pictures import every_picture, strange_pictures

pytestmark = pytest.mark.django_db

PICTURES = every_picture()
CALLS = every_call()
AT_ONCE = 0.25
"""Seconds of this thread that a refusal may take."""


def tells_nothing(content: bytes) -> bool:
    """Whether an answer contains no path, no traceback and no internal name."""
    inside = (str(site.BASE_DIR), str(site.MEDIA_ROOT), site.SECRET_KEY, "Traceback", "site-packages", ".py", "sqlite")
    return not any(word in content.decode() for word in inside)


def assert_refused(response: Any, status: int, code: str, seconds: float) -> None:
    assert (response.status_code, json.loads(response.content).get("code")) == (status, code)
    assert response["Content-Type"] == "application/json"
    assert tells_nothing(response.content)
    assert seconds < AT_ONCE
    assert not Prediction.objects.exists()


def test_the_corpus_is_large() -> None:
    assert len(PICTURES) >= 80
    assert len({call.name for call in CALLS}) == len(CALLS) >= 80


@pytest.fixture(autouse=True, scope="module")
def all_formats_known() -> None:
    """Let Pillow load all its formats, as it does once per process for the first unusual picture."""
    Image.init()


@pytest.mark.parametrize("name", PICTURES)
def test_invalid_picture_returns_its_error_code(name: str, real_reader: None, media: Path) -> None:
    kept = sorted(media.rglob("*"))
    picture, code = PICTURES[name]
    start = time.thread_time()
    response = post(picture)
    seconds = time.thread_time() - start
    assert_refused(response, 413 if code in ("too_large", "too_many_pixels") else 400, code, seconds)
    assert sorted(media.rglob("*")) == kept


@pytest.mark.parametrize("picture", [pytest.param(data, id=name) for name, data in strange_pictures().items()])
def test_unusual_picture_is_read_or_refused(picture: bytes, real_reader: None) -> None:
    response = post(picture, PREVIEW)
    assert response.status_code in (200, 400)
    assert response.json().get("text") or response.json()["code"] in (*(reason.value for reason in Reason), "truncated")


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_invalid_call_returns_its_error_code(call: Call, reader: FakeReader) -> None:
    start = time.thread_time()
    response = make(call)
    assert_refused(response, call.status, call.code, time.thread_time() - start)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")
def test_refusing_thousands_of_times_holds_no_memory(tmp_path: Path) -> None:
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "digitsite.settings",
        "DATABASE_URL": f"sqlite:///{tmp_path / 'db.sqlite3'}",
        "MEDIA_ROOT": str(tmp_path / "media"),
        "SECRET_KEY": "of this test alone",
        "ALLOWED_HOSTS": "testserver",
        "API_THROTTLE": "off",
        "HTTPS": "off",
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.system.hostile.soak", "1500"],
        cwd=site.BASE_DIR, env=environment, capture_output=True, text=True, timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    memory = json.loads(done.stdout.splitlines()[-1])
    assert memory["after"] < 1.05 * memory["before"]
