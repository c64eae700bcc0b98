"""The site installed on a phone: it opens offline, and keeps drawings until it is online."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from benchmarks.processes import wait_until
from recognizer.models import Prediction
from recognizer.views import installed

from .conftest import Complaints, OpenPage, log_in
from .hand import write

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "service_workers": "allow"}
READY = "() => navigator.serviceWorker.ready.then(() => true)"
WAITING = "async () => (await navigator.serviceWorker.ready).waiting !== null"
SECONDS = 60
CACHES = "async () => (await caches.keys()).filter((name) => name !== 'language')"
KEPT = """async () => {
  const answers = [];
  for (const name of await caches.keys()) {
    const cache = await caches.open(name);
    for (const request of await cache.keys())
      answers.push([new URL(request.url).pathname, await (await cache.match(request)).text()]);
  }
  return answers;
}"""


@pytest.fixture
def phone(open_page: OpenPage) -> Page:
    page = open_page(**PHONE)
    page.goto("/")
    page.evaluate(READY)
    return page


def save(page: Page, text: str) -> None:
    write(page, page.locator("#sheet canvas"), text, height=110, at=(30, 30))
    page.get_by_role("button", name="Save").click()


def test_drawings_saved_offline_are_sent_once_online(phone: Page, complaints: Complaints) -> None:
    complaints.expect("ERR_INTERNET_DISCONNECTED")
    waiting = phone.locator(".waiting")
    expect(waiting).to_be_hidden()
    phone.context.set_offline(True)
    phone.goto("/")
    save(phone, "7")
    expect(waiting).to_contain_text("A number waits here until you are connected.")
    save(phone, "1")
    expect(waiting).to_contain_text("2 numbers wait here")
    phone.goto("/history/")
    save(phone, "4")
    expect(waiting).to_contain_text("3 numbers wait here")
    assert not Prediction.objects.exists()
    phone.context.set_offline(False)
    expect(waiting).to_contain_text("Read once you were connected: 7, 1, 4.")
    expect(waiting).not_to_contain_text("wait here")
    assert sorted(Prediction.objects.values_list("text", flat=True)) == ["1", "4", "7"]
    phone.goto("/")
    expect(phone.locator(".reading-text")).to_be_visible()
    expect(waiting).to_be_hidden()


def test_offline_page_is_in_the_chosen_language(phone: Page, complaints: Complaints) -> None:
    complaints.expect("ERR_INTERNET_DISCONNECTED")
    phone.goto("/history/")
    phone.get_by_role("button", name="Español").click()
    expect(phone.locator("html[lang=es]")).to_be_attached()
    phone.context.set_offline(True)
    phone.goto("/")
    expect(phone.get_by_role("heading", name="Escribe un número")).to_be_visible()
    write(phone, phone.locator("#sheet canvas"), "7", height=110, at=(30, 30))
    phone.get_by_role("button", name="Guardar").click()
    expect(phone.locator(".waiting")).to_contain_text("Un número espera aquí hasta que tengas conexión.")
    phone.context.set_offline(False)
    expect(phone.locator(".waiting")).to_contain_text("Leído al volver la conexión: 7.")


def test_first_visit_notes_the_language_of_the_browser(open_page: OpenPage) -> None:
    page = open_page(**PHONE, locale="de-AT")
    page.goto("/")
    page.evaluate(READY)
    page.context.set_offline(True)
    page.goto("/about/")
    expect(page.get_by_role("heading", name="Schreib eine Zahl")).to_be_visible()


def test_service_worker_caches_nothing_private(phone: Page, user: User, make_prediction: Any) -> None:
    user.username = "somebody-by-name"
    user.save()
    log_in(phone, user)
    make_prediction(owner=user)
    for path in ("/", "/history/", "/accounts/"):
        phone.goto(path)
        expect(phone.get_by_role("link", name=user.username)).to_be_visible()
    kept = dict(phone.evaluate(KEPT))
    assert {"/sheet/en/", "/sheet/de/", "/sheet/es/", "/language"} <= kept.keys()
    assert all(re.match("/(language$|sheet/../$|static/|texts/)", path) for path in kept)
    assert not any(user.username in text or "csrfmiddlewaretoken" in text for text in kept.values())


def test_service_worker_update_is_used_at_the_next_start(phone: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    phone.goto("/")  # The service worker does not control the first visit.
    [old] = phone.evaluate(CACHES)
    shell = installed.shell_page
    monkeypatch.setattr(installed, "shell_page", lambda *args: shell(*args).replace("Write a number", "Newer"))
    phone.evaluate("async () => { await (await navigator.serviceWorker.ready).update(); }")
    wait_until(lambda: bool(phone.evaluate(WAITING)), SECONDS, lambda: "the update is not noticed")
    [new] = set(phone.evaluate(CACHES)) - {old}
    later = phone.context.new_page()
    phone.close()

    def is_new() -> bool:
        later.goto("about:blank")
        later.goto("/about/")
        return bool(later.evaluate(CACHES) == [new])

    wait_until(is_new, SECONDS, lambda: "the update does not take over")


def test_the_site_can_be_installed(phone: Page) -> None:
    devtools = phone.context.new_cdp_session(phone)
    assert devtools.send("Page.getAppManifest")["errors"] == []
    faults = {fault["errorId"] for fault in devtools.send("Page.getInstallabilityErrors")["installabilityErrors"]}
    assert faults <= {"in-incognito"}
