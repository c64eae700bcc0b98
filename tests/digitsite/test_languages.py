"""The site in the user's language."""

import datetime
import json
import re
from functools import partial

import pytest
from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets, label_for_field
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import gettext
from waitress.adjustments import Adjustments
from waitress.parser import HTTPRequestParser

from batches.models import Batch, BatchState
from digitsite.connections import Overloaded
from digitsite.encodings import with_known_encodings
from recognizer.models import ModelVersion
from recognizer.numbers import grouped
from recognizer.templatetags.wording import ignored_words, percent

pytestmark = pytest.mark.django_db


def page(client: Client, path: str = "/", **headers: str) -> str:
    return client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()}).content.decode()


@pytest.mark.parametrize(
    ("asked", "language", "words"),
    [
        ("", "en", "Log in"),
        ("fr, it;q=0.5", "en", "Log in"),
        ("de-AT, en;q=0.5", "de", "Anmelden"),
        ("es-MX", "es", "Iniciar sesión"),
        ("de;q=0.1, es;q=0.9", "es", "Iniciar sesión"),
        ("*;q=x, \x00, " + "de," * 5000, "en", "Log in"),
    ],
)
def test_pages_are_in_the_language_the_browser_asks_for(client: Client, asked: str, language: str, words: str) -> None:
    answer = client.get("/", headers={"Accept-Language": asked})
    assert f'<html lang="{language}">' in answer.content.decode()
    assert f">{words}</a>" in answer.content.decode()
    assert re.findall(r' lang=".."[^>]*>(\w+)</button>', answer.content.decode()) == ["English", "Deutsch", "Español"]
    assert answer["Content-Language"] == language
    assert "Accept-Language" in answer["Vary"]


def test_chosen_language_beats_the_browsers(client: Client) -> None:
    answer = client.post("/accounts/language/", {"language": "de", "next": "/about/?x=1"})
    assert (answer.status_code, answer["Location"]) == (302, "/about/?x=1")
    assert client.cookies["django_language"]["max-age"] == 365 * 24 * 3600
    assert '<html lang="de">' in page(client, accept_language="es")


@pytest.mark.parametrize("language", ["", "fr", "xx", "../de", "\x00", "d" * 10_000])
def test_unknown_language_changes_nothing(client: Client, language: str) -> None:
    answer = client.post("/accounts/language/", {"language": language, "next": "https://elsewhere.example/"})
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert "django_language" not in answer.cookies


def test_api_details_are_translated_and_codes_are_not(client: Client) -> None:
    answers = [
        client.post("/api/v1/predictions/", {}, headers={"Accept-Language": language}).json()
        for language in ("en", "de", "es")
    ]
    assert {answer["code"] for answer in answers} == {"missing_image"}
    assert len({answer["detail"] for answer in answers}) == 3
    missing = client.get("/api/v1/predictions/7/", headers={"Accept-Language": "de"})
    assert missing.json() == {"detail": "Nicht gefunden.", "code": "not_found"}
    assert missing["Content-Language"] == "de"


@pytest.mark.parametrize(("language", "sentence"), [("de", "ausgelastet"), ("es", "ocupado"), ("fr", "busy")])
def test_overload_is_told_in_the_callers_language(language: str, sentence: str) -> None:
    refused = HTTPRequestParser(Adjustments())
    refused.received(f"GET /api/v1/models/ HTTP/1.1\r\nAccept-Language: {language}\r\n\r\n".encode())
    status, _, content = Overloaded(refused).to_response()
    assert status.startswith("503")
    assert sentence in json.loads(content)["detail"]
    assert json.loads(content)["code"] == "overloaded"


def test_unknown_charset_is_told_in_the_callers_language() -> None:
    environ = {"CONTENT_TYPE": "text/plain; charset=x", "HTTP_ACCEPT_LANGUAGE": "es"}
    [content] = with_known_encodings(lambda *args: [])(environ, lambda *args: None)
    assert json.loads(content)["detail"].startswith("Juego de caracteres desconocido")


SAME = {"name", "text", "token", "version", "error", "champion", "phase", "API"}
"""Names that German or Spanish write as English does."""


@pytest.mark.parametrize("language", ["de", "es"])
def test_every_name_in_the_admin_is_translated(rf: RequestFactory, superuser: User, language: str) -> None:
    request = rf.get("/admin/")
    request.user = superuser
    missing = []
    for model, shown in admin.site._registry.items():
        if model.__module__.startswith("django."):
            continue
        names = {*shown.get_list_display(request), *flatten_fieldsets(shown.get_fieldsets(request))} - {"__str__"}
        words = [partial(label_for_field, name, model, shown) for name in names]
        words += [lambda options=model._meta: options.verbose_name, lambda o=model._meta: o.verbose_name_plural]
        for word in words:
            english = str(word())
            with translation.override(language):
                if str(word()) == english and english.lower() not in SAME:
                    missing.append(f"{model._meta.label}: {english}")
    assert not missing


def test_permissions_are_named_in_the_language_of_the_page(admin_client: Client, user: User) -> None:
    answer = page(admin_client, f"/admin/auth/user/{user.pk}/change/", accept_language="de")
    assert ">Korrektur: Korrekturen prüfen</option>" in answer
    assert ">Ergebnis: ansehen</option>" in answer
    assert "Can " not in answer


def test_account_is_deleted_in_german(admin_client: Client, user: User) -> None:
    answer = page(admin_client, f"/admin/auth/user/{user.pk}/delete/", accept_language="de")
    assert "Ergebnisse: 0" in answer


def test_schema_is_in_english_for_everybody(client: Client) -> None:
    schemas = [
        client.get("/api/v1/schema/", headers={"Accept-Language": language}).content for language in ("en", "de")
    ]
    assert schemas[0] == schemas[1]


def test_script_texts_have_a_cacheable_address(client: Client) -> None:
    found = re.search(r'<script src="(/texts/de\.\w+\.js)">', page(client, accept_language="de"))
    assert found is not None
    answer = client.get(found[1], headers={"Accept-Language": "es"})
    assert answer["Content-Type"].startswith("text/javascript")
    assert answer["Cache-Control"] == "public, max-age=31536000, immutable"
    assert "Accept-Language" not in answer.get("Vary", "")
    assert "Noch nichts geschrieben." in answer.content.decode()
    assert client.get("/texts/de.0.js")["Cache-Control"] == "no-cache"
    assert "/texts/" not in page(client)


def test_numbers_and_plurals_follow_the_language() -> None:
    marks = [{"kind": "dash"}, {"kind": "point"}, {"kind": "dash"}]
    with translation.override("de"):
        assert (percent(0.985), grouped(1234.5, 1)) == ("98,5 %", "1.234,5")
        assert ignored_words(marks) == "2 Striche und ein Punkt wurden übergangen."
        assert ignored_words(marks[1:2]) == "Ein Punkt wurde übergangen."
    with translation.override("es"):
        assert percent(0.985) == "98,5 %"
        assert ignored_words(marks) == "Se pasaron por alto 2 rayas y un punto."
    assert (percent(0.985), grouped(1234.5, 1)) == ("98.5 %", "1,234.5")


@pytest.mark.parametrize(
    ("language", "short", "long", "day"),
    [
        ("en", "29 Dec 2026", "29 December 2026", "29 Dec"),
        ("de", "29. Dez. 2026", "29. Dezember 2026", "29. Dez."),
        ("es", "29 dic 2026", "29 de diciembre de 2026", "29 dic"),
    ],
)
def test_dates_follow_the_language(language: str, short: str, long: str, day: str) -> None:
    date = datetime.date(2026, 12, 29)
    with translation.override(language):
        assert [date_format(date, gettext(form)) for form in ("j M Y", "j F Y", "j M")] == [short, long, day]


@pytest.mark.parametrize(
    ("language", "one", "two"),
    [
        ("en", "1 picture queued", "2 pictures queued"),
        ("de", "1 Bild wartet", "2 Bilder warten"),
        ("es", "1 imagen en cola", "2 imágenes en cola"),
    ],
)
def test_one_picture_is_not_told_as_many(language: str, one: str, two: str) -> None:
    with translation.override(language):
        assert [Batch(total=total, state=BatchState.QUEUED).in_words for total in (1, 2)] == [one, two]


def test_drawings_keep_their_decimal_points(client: Client, version: ModelVersion) -> None:
    version.card = {"history": {"loss": [1.0, 0.1, 0.01]}, "metrics": {}, "data": {}, "training": {}, "network": {}}
    version.save()
    drawn = page(client, "/about/", accept_language="de")
    places = re.findall(r'\by1="([^"]+)"', drawn)
    assert places
    assert all(float(place) for place in places)
