"""Destructive actions take two steps, without scripts too."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from batches.models import Batch, SigningSecret
from keys.models import Key
from recognizer.models import Prediction
from tests.factories import user_client
from training.models import TrainingRun

pytestmark = pytest.mark.django_db

FINAL = re.compile(r'action="([^"]*/(?:erase|revoke|cancel|delete|secret)/)"')


def ready_at_once(browser: Client, path: str) -> list[str]:
    """Return the addresses of destructive actions that a page offers with one click."""
    shown = browser.get(path).content.decode()
    assert FINAL.search(shown), path
    return FINAL.findall(re.sub(r"<details.*?</details>", "", shown, flags=re.DOTALL))


def test_destructive_buttons_need_a_second_click(make_prediction: Callable[..., Prediction], superuser: User) -> None:
    made: list[Any] = [
        make_prediction(owner=superuser),
        Batch.objects.create(owner=superuser, total=1, source="api"),
        Batch.objects.create(owner=superuser, total=1, source="api", state="done"),
        Key.objects.issue(superuser)[0],
    ]
    browser = user_client(superuser)
    paths = [row.get_absolute_url() for row in made]
    paths.append(f"/dashboard/runs/{TrainingRun.objects.create().pk}/")
    assert [ready_at_once(browser, path) for path in paths] == [[]] * len(paths)


def test_first_webhook_secret_needs_no_confirmation(superuser: User) -> None:
    browser = user_client(superuser)
    assert ready_at_once(browser, "/batches/") == ["/batches/secret/"]
    browser.post("/batches/secret/")
    assert SigningSecret.objects.exists()
    assert ready_at_once(browser, "/batches/") == []
