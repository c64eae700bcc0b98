from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from batches import tasks
from keys.models import Key
from tests.fakes import FakeReader

from .zips import zip_of

BATCHES = "/api/v1/batches/"


@pytest.fixture
def api(user: User) -> Client:
    """A program with the user's token."""
    return Client(headers={"Authorization": f"Token {Key.objects.issue(user)[1]}"})


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Messages to the workers, of which there are none."""
    messages: list[int] = []

    def note() -> None:
        messages.append(1)

    monkeypatch.setattr(tasks.read_batches, "delay", note)
    return messages


@pytest.fixture
def send(told: list[int], reader: FakeReader, media: Any) -> Callable[..., Any]:
    """Send a zip of files, to a site without workers."""

    def post(client: Client, files: dict[str, bytes] | bytes, **options: Any) -> Any:
        content = files if isinstance(files, bytes) else zip_of(files)
        return client.post(BATCHES, {"archive": SimpleUploadedFile("many.zip", content)}, **options)

    return post
