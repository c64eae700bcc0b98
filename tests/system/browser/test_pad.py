"""<digit-pad> on a page of another origin, which is the one in docs/digit-pad.md."""

import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.contrib.auth.models import User
from playwright.sync_api import Locator, Page, expect

from benchmarks.processes import wait_until
from keys.models import Key
from recognizer.models import Prediction

from .conftest import Complaints, OpenPage, log_in
from .hand import trace, write, write_with_a_finger
from .inspection import SCHEMES, Inspection, Scheme

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
DOCUMENT = (Path(configured.BASE_DIR) / "docs" / "digit-pad.md").read_text()
EXAMPLE = re.findall(r"^```html\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)[0]


@pytest.fixture
def shop() -> Iterator[Any]:
    """A server of another origin; its `page` is what it answers."""

    class Shop(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = server.page.encode() if self.path.partition("?")[0] == "/" else b""  # type: ignore[attr-defined]
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            return None

    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    server.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def order(shop: Any, site: str, user: User) -> str:
    """The address of the page in the docs, with a key for it."""
    token = Key.objects.issue(user, origins=[shop.url])[1]
    # Without an icon, browsers request one at any time.
    page = EXAMPLE.replace("<title>", '<link rel="icon" href="data:,"><title>')
    shop.page = page.replace("http://127.0.0.1:8000", site).replace("pk_YOUR_KEY", token)
    return str(shop.url)


def sheet(page: Page) -> Locator:
    return page.locator("digit-pad canvas")


def field(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Amount")


def send(page: Page) -> None:
    page.get_by_role("button", name="Send").click()


@pytest.mark.essential
def test_number_written_on_another_site_is_sent_with_its_form(page: Page, order: str, user: User) -> None:
    log_in(page, user)
    page.goto(order)
    with page.expect_request("**/preview/") as asked:
        write(page, sheet(page), "42", height=90, at=(20, 20))
    expect(field(page)).to_have_value("42")
    expect(page.locator("digit-pad .marks g")).to_have_count(2)
    assert "cookie" not in asked.value.all_headers()
    send(page)
    page.wait_for_url(f"{order}/?amount=42")
    assert not Prediction.objects.exists()


def test_lines_of_the_api_page_put_a_pad_on_another_site(page: Page, site: str, shop: Any, user: User) -> None:
    log_in(page, user)
    page.goto(f"{site}/api-access/")
    page.get_by_text("Create a publishable key").click()
    form = page.locator("form[action$='/publishable/']")
    form.get_by_label("Name").fill("shop")
    form.get_by_label("Your sites").fill(shop.url)
    form.get_by_role("button", name="Create publishable key").click()
    lines = page.locator("#pad-example").inner_text()
    assert len(lines.splitlines()) == 5
    shop.page = f'<!doctype html><link rel="icon" href="data:,"><form>{lines}<button>Send</button></form>'
    page.goto(shop.url)
    write(page, sheet(page), "42", height=90, at=(20, 20))
    expect(field(page)).to_have_value("42")
    send(page)
    page.wait_for_url("**/?amount=42")


def test_finger_writes_a_number(open_page: OpenPage, order: str) -> None:
    page = open_page(**PHONE)
    page.goto(order)
    write_with_a_finger(page, sheet(page), "7", height=100, at=(20, 20))
    expect(field(page)).to_have_value("7")


RECORD = """
window.heard = [];
const pad = document.querySelector("digit-pad");
for (const name of ["input", "change", "reading"])
  pad.addEventListener(name, (event) => heard.push(`${name} ${event.detail?.text ?? pad.value}`));
"""


def test_keys_write_correct_and_clear(page: Page, order: str) -> None:
    page.goto(order)
    page.evaluate(RECORD)
    expect(sheet(page)).to_have_accessible_name("Amount: drawing area")
    expect(sheet(page)).to_have_accessible_description(re.compile("arrow keys move the pen"))
    page.get_by_text("Amount", exact=True).click()
    expect(sheet(page)).to_be_focused()
    page.keyboard.press("Space")
    for _ in range(5):
        page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Space")
    expect(field(page)).to_have_value("1")
    expect(page.get_by_role("status")).to_contain_text("1.")
    assert page.evaluate("heard") == ["input 1", "change 1", "reading 1"]
    page.keyboard.press("Delete")
    expect(field(page)).to_have_value("")
    field(page).fill("17")
    send(page)
    page.wait_for_url("**/?amount=17")


def test_invalid_numbers_are_not_sent(page: Page, order: str) -> None:
    page.goto(order)
    pad = page.locator("digit-pad")
    for text, kind in (("", "valueMissing"), ("12345", "rangeOverflow"), ("1 2", "badInput"), ("1a", "badInput")):
        field(page).fill(text)
        assert pad.evaluate(f"(pad) => pad.validity.{kind}"), text
        send(page)
        assert page.url == f"{order}/"
    pad.evaluate("(pad) => { pad.setAttribute('min', 5); pad.setAttribute('maxlength', 2); }")
    for text, kind in (("4", "rangeUnderflow"), ("123", "tooLong"), ("05", "valid")):
        field(page).fill(text)
        assert pad.evaluate(f"(pad) => pad.validity.{kind}"), text
    page.get_by_role("button", name="Reset").click()
    expect(field(page)).to_have_value("")


def test_invalid_number_in_the_pad_has_no_value(page: Page, order: str, complaints: Complaints) -> None:
    complaints.expect("status of 400")
    refusal = {"detail": "This is not a number.", "code": "not_a_number"}
    headers = {"Access-Control-Allow-Origin": order}
    page.goto(order)
    page.route("**/preview/", lambda route: route.fulfill(status=400, json=refusal, headers=headers))
    write(page, sheet(page), "7", height=90, at=(20, 20))
    expect(page.get_by_role("status")).to_have_text("This is not a number.")
    assert page.locator("digit-pad").evaluate("(pad) => [pad.value, pad.validity.badInput]") == ["", True]


def test_disabled_pad_ignores_input_and_is_not_sent(page: Page, order: str, shop: Any) -> None:
    shop.page = shop.page.replace("<form>", "<form><fieldset disabled>")
    page.goto(order)
    write(page, sheet(page), "7", height=90, at=(20, 20))
    expect(field(page)).to_be_disabled()
    assert page.evaluate("[...new FormData(document.forms[0])]") == []
    assert page.locator("digit-pad").evaluate("(pad) => [pad.value, pad.disabled, pad.willValidate]") == [
        "", True, False,
    ]  # fmt: skip


def test_offline_pad_takes_typed_numbers(page: Page, order: str) -> None:
    page.goto(order)
    expect(sheet(page)).to_be_visible()
    page.context.set_offline(True)
    expect(sheet(page)).to_be_hidden()
    field(page).fill("31")
    page.context.set_offline(False)
    expect(sheet(page)).to_be_visible()
    send(page)
    page.wait_for_url("**/?amount=31")


def test_pad_without_a_key_takes_typed_numbers(page: Page, order: str, shop: Any) -> None:
    shop.page = re.sub(r' key="[^"]*"', "", shop.page)
    page.goto(order)
    field(page).fill("31")
    expect(sheet(page)).to_be_hidden()
    send(page)
    page.wait_for_url("**/?amount=31")


@pytest.mark.parametrize("origins", [["https://shop.example"], None])
def test_pad_with_a_refused_key_shows_the_text_field(
    page: Page, order: str, complaints: Complaints, shop: Any, user: User, origins: list[str] | None
) -> None:
    complaints.expect("CORS|Failed to load")
    token = Key.objects.issue(user, origins=origins)[1] if origins else "pk_nonsense"
    if origins is not None:
        Key.objects.exclude(origins__origin=origins[0]).delete()
    shop.page = re.sub(r'key="[^"]*"', f'key="{token}"', shop.page)
    page.goto(order)
    write(page, sheet(page), "7", height=90, at=(20, 20))
    expect(sheet(page)).to_be_hidden()
    expect(page.get_by_role("status")).not_to_be_empty()
    field(page).fill("7")
    send(page)
    page.wait_for_url("**/?amount=7")


def test_page_without_the_module_has_an_input(page: Page, order: str, complaints: Complaints) -> None:
    complaints.expect("ERR_FAILED")
    page.route("**/digit-pad.js", lambda route: route.abort())
    page.goto(order)
    page.locator("digit-pad input").fill("31")
    send(page)
    page.wait_for_url("**/?amount=31")


@pytest.mark.parametrize(
    ("language", "attribute", "hint", "undo", "missing"),
    [
        ("de-AT", "", "Hier schreiben", "Rückgängig", "Schreib eine Zahl."),
        ("en", ' lang="es"', "Escribe aquí", "Deshacer", "Escribe un número."),
        ("fr", "", "Write here", "Undo", "Write a number."),
    ],
)
def test_pad_speaks_the_language_of_its_page(
    page: Page, order: str, shop: Any, language: str, attribute: str, hint: str, undo: str, missing: str
) -> None:
    shop.page = shop.page.replace('lang="en"', f'lang="{language}"').replace("<digit-pad", f"<digit-pad{attribute}")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(order)
    expect(page.get_by_text(hint)).to_be_visible()
    expect(page.get_by_role("button", name=undo)).to_be_disabled()
    assert page.locator("digit-pad").evaluate("(pad) => pad.validationMessage") == missing
    assert [url for url in asked if url.startswith(order)] == [f"{order}/"]
    assert not any("/texts/" in url for url in asked)


def test_answers_of_the_api_are_in_the_language_of_the_page(
    page: Page, order: str, shop: Any, complaints: Complaints
) -> None:
    complaints.expect("status of 400")
    shop.page = shop.page.replace('lang="en"', 'lang="es"')
    page.goto(order)
    box = sheet(page).bounding_box()
    assert box is not None
    with page.expect_request("**/preview/") as asked:
        trace(page, [(box["x"] + 40, box["y"] + 80), (box["x"] + 44, box["y"] + 80)])
    assert asked.value.all_headers()["accept-language"] == "es"
    expect(page.get_by_role("status")).to_have_text("Lo escrito no parece un número.")


def test_pad_follows_a_change_of_language(page: Page, order: str) -> None:
    page.goto(order)
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    page.evaluate("document.documentElement.lang = 'de'")
    expect(page.get_by_role("button", name="Rückgängig")).to_be_visible()
    expect(sheet(page)).to_have_accessible_name("Amount: Zeichenfläche")


COUNT = "function() { return this.length; }"
ADD_AND_REMOVE = """
for (let count = 0; count < 5; count++) {
  const pad = document.createElement("digit-pad");
  document.body.append(pad);
  pad.remove();
}
"""


def test_removed_pads_leave_nothing_behind(page: Page, order: str) -> None:
    page.goto(order)
    expect(sheet(page)).to_be_visible()
    devtools = page.context.new_cdp_session(page)

    def reference(expression: str) -> str:
        return str(devtools.send("Runtime.evaluate", {"expression": expression})["result"]["objectId"])

    def left() -> tuple[int, int]:
        """Count the listeners of the window and the pads in memory, after a garbage collection."""
        heard = devtools.send("DOMDebugger.getEventListeners", {"objectId": reference("window")})["listeners"]
        prototype = reference("customElements.get('digit-pad').prototype")
        pads = devtools.send("Runtime.queryObjects", {"prototypeObjectId": prototype})["objects"]["objectId"]
        call = {"functionDeclaration": COUNT, "objectId": pads, "returnByValue": True}
        return len(heard), int(devtools.send("Runtime.callFunctionOn", call)["result"]["value"])

    before = left()
    page.evaluate(ADD_AND_REMOVE)
    wait_until(lambda: left() == before, explain=lambda: f"{before} became {left()}")
    page.evaluate("{ const pad = document.querySelector('digit-pad'); pad.remove(); document.forms[0].prepend(pad); }")
    write(page, sheet(page), "7", height=90, at=(20, 20))
    expect(field(page)).to_have_value("7")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_pad_is_accessible_and_fits(page: Page, order: str, shop: Any, scheme: Scheme) -> None:
    head = '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">'
    shop.page = shop.page.replace("<title>", f"{head}<title>").replace("<h1>", "<main><h1>")
    inspection = Inspection(page, scheme)
    inspection.open(order)
    inspection.check()
