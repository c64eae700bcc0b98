"""The web app: manifest, cached page and service worker."""

import json
import re

import pytest
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.test import Client

from tests.factories import user_client

pytestmark = pytest.mark.django_db


def test_manifest_names_icons_that_exist(client: Client) -> None:
    answer = client.get("/manifest.webmanifest")
    assert answer["Content-Type"] == "application/manifest+json"
    manifest = answer.json()
    assert (manifest["start_url"], manifest["display"]) == ("/", "fullscreen")
    assert {icon["sizes"] for icon in manifest["icons"]} == {"192x192", "512x512"}
    for icon in manifest["icons"]:
        assert finders.find(icon["src"].removeprefix("/static/"))


def test_shell_is_the_same_for_everybody(client: Client, user: User) -> None:
    shell = client.get("/sheet/")
    assert 'id="draw"' in shell.content.decode()
    assert user_client(user).get("/sheet/").content == shell.content
    assert "csrfmiddlewaretoken" not in shell.content.decode()
    assert not shell.cookies


def test_service_worker_caches_the_draw_page_and_its_files(client: Client) -> None:
    script = client.get("/service-worker.js")
    assert script["Content-Type"] == "text/javascript"
    files = json.loads(re.findall(r"FILES = (\[.*\]);", script.content.decode())[0])
    assert "/sheet/" in files
    loaded = re.findall(r'(?:src|href)="(/static/[^"]+)"', client.get("/sheet/").content.decode())
    assert set(loaded) - {"/static/icons/192.png"} <= set(files)
    for file in files[1:]:
        assert finders.find(file.removeprefix("/static/")), file


def test_service_worker_changes_with_its_files(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    before = client.get("/service-worker.js").content
    assert client.get("/service-worker.js").content == before
    monkeypatch.setattr("recognizer.views.installed.shell_page", lambda request: "another")
    assert client.get("/service-worker.js").content != before
