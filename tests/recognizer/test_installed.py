"""The web app: manifest, cached page and service worker."""

import json
import re

import pytest
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.test import Client

from recognizer.views import installed
from tests.factories import user_client

pytestmark = pytest.mark.django_db


def test_manifest_names_icons_that_exist(client: Client) -> None:
    answer = client.get("/manifest/en.webmanifest")
    assert answer["Content-Type"] == "application/manifest+json"
    manifest = answer.json()
    assert (manifest["start_url"], manifest["display"]) == ("/", "fullscreen")
    assert {icon["sizes"] for icon in manifest["icons"]} == {"192x192", "512x512"}
    for icon in manifest["icons"]:
        assert finders.find(icon["src"].removeprefix("/static/"))


def test_manifest_is_in_the_language_of_the_page(client: Client) -> None:
    page = client.get("/about/", headers={"Accept-Language": "es"}).content.decode()
    [address] = re.findall(r'<link rel="manifest" href="([^"]+)">', page)
    manifest = client.get(address).json()
    assert (manifest["name"], manifest["short_name"], manifest["lang"]) == ("Lector de dígitos", "Dígitos", "es")
    assert manifest["id"] == client.get("/manifest/en.webmanifest").json()["id"]


def test_head_has_what_phones_show_of_an_app(client: Client) -> None:
    head = client.get("/").content.decode()
    tokens = (installed.STATIC / "css" / "tokens.css").read_text()
    [colours] = re.findall(r"--paper: light-dark\((#\w+), (#\w+)\)", tokens)
    assert re.findall(r'<meta name="theme-color" content="([^"]+)"', head) == list(colours)
    manifest = client.get("/manifest/en.webmanifest").json()
    assert manifest["theme_color"] == manifest["background_color"] == colours[0]
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in head
    [icon] = re.findall(r'<link rel="apple-touch-icon" href="/static/([^"]+)">', head)
    assert finders.find(icon)


@pytest.mark.parametrize("address", ["/sheet/fr/", "/manifest/fr.webmanifest", "/sheet/DE/"])
def test_unknown_language_is_not_found(client: Client, address: str) -> None:
    assert client.get(address).status_code == 404


@pytest.mark.parametrize("language", ["en", "de", "es"])
def test_shell_is_the_same_for_everybody(client: Client, user: User, language: str) -> None:
    shell = client.get(f"/sheet/{language}/", headers={"Accept-Language": "de"})
    assert 'id="draw"' in shell.content.decode()
    assert f'<html lang="{language}">' in shell.content.decode()
    assert 'name="next" value="/"' in shell.content.decode()
    assert user_client(user).get(f"/sheet/{language}/").content == shell.content
    assert shell["Content-Language"] == language
    assert "csrfmiddlewaretoken" not in shell.content.decode()
    assert not shell.cookies


def test_service_worker_caches_the_draw_page_and_its_files(client: Client) -> None:
    script = client.get("/service-worker.js")
    assert script["Content-Type"] == "text/javascript"
    files = json.loads(re.findall(r"FILES = (\[.*\]);", script.content.decode())[0])
    assert files[:3] == ["/sheet/en/", "/sheet/de/", "/sheet/es/"]
    for shell in files[:3]:
        loaded = re.findall(r'(?:src|href)="(/(?:static|texts)/[^"]+)"', client.get(shell).content.decode())
        assert set(loaded) - {"/static/icons/192.png"} <= set(files)
    for file in files:
        is_static = file.startswith("/static/")
        assert finders.find(file.removeprefix("/static/")) if is_static else client.get(file).status_code == 200, file


def test_service_worker_changes_with_its_files(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    before = client.get("/service-worker.js").content
    assert client.get("/service-worker.js").content == before
    monkeypatch.setattr("recognizer.views.installed.shell_page", lambda request, language: "another")
    assert client.get("/service-worker.js").content != before
