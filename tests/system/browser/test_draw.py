"""The drawing page in the browser."""

import re
from contextlib import suppress

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Error, Locator, Page, Route, expect

from benchmarks import pen
from recognizer.models import Correction, Prediction

from .conftest import Complaints, OpenPage, log_in
from .hand import tap, write, write_with_a_finger
from .inspection import SHOWN

NOTHING = "Nothing written yet."
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@pytest.fixture
def sheet(page: Page) -> Locator:
    page.goto("/")
    return page.locator("#sheet canvas")


@pytest.fixture
def phone(open_page: OpenPage) -> Page:
    page = open_page(**PHONE)
    page.goto("/")
    return page


def reading(page: Page) -> Locator:
    return page.locator(".reading-text")


@pytest.mark.parametrize("digit", "0123456789")
def test_digit_drawn_with_the_mouse_is_read_while_drawing(page: Page, sheet: Locator, digit: str) -> None:
    write(page, sheet, digit)
    expect(reading(page)).to_have_text(digit)
    assert not Prediction.objects.exists()


@pytest.mark.essential
def test_several_digits_make_a_number_each_in_its_box(page: Page, sheet: Locator) -> None:
    write(page, sheet, "2705", height=120)
    expect(reading(page)).to_have_text("2705")
    expect(page.locator(".marks g text")).to_have_text(["2", "7", "0", "5"])
    expect(page.locator(".digits .best .label")).to_have_text(["2", "7", "0", "5"])
    expect(page.locator(".reading-sureness")).to_contain_text("%")


def test_drawing_another_digit_extends_the_number(page: Page, sheet: Locator) -> None:
    write(page, sheet, "4")
    expect(reading(page)).to_have_text("4")
    write(page, sheet, "2", at=(200, 40))
    expect(reading(page)).to_have_text("42")


def test_keys_undo_redo_and_clear(page: Page, sheet: Locator) -> None:
    write(page, sheet, "7")
    write(page, sheet, "1", at=(200, 40))
    expect(reading(page)).to_have_text("71")
    page.keyboard.press("Control+z")
    expect(reading(page)).to_have_text("7")
    page.keyboard.press("Control+Shift+z")
    expect(reading(page)).to_have_text("71")
    page.keyboard.press("Escape")
    expect(reading(page)).to_have_text(NOTHING)
    expect(page.locator(".marks g")).to_have_count(0)
    page.keyboard.press("Control+z")
    expect(reading(page)).to_have_text("71")


def test_tool_buttons_work_like_keys(page: Page, sheet: Locator) -> None:
    undo, redo, clear, save = (page.get_by_role("button", name=name) for name in ("Undo", "Redo", "Clear", "Save"))
    for button in (undo, redo, clear, save):
        expect(button).to_be_disabled()
    write(page, sheet, "7")
    undo.click()
    expect(reading(page)).to_have_text(NOTHING)
    redo.click()
    expect(reading(page)).to_have_text("7")
    clear.click()
    expect(reading(page)).to_have_text(NOTHING)
    expect(save).to_be_disabled()


def ink_width(page: Page) -> float:
    """Return the width of the one box on the sheet."""
    expect(page.locator(".marks rect")).to_have_count(1)
    return float(page.locator(".marks rect").get_attribute("width") or 0)


def test_bracket_keys_change_the_pen_width(page: Page, sheet: Locator) -> None:
    width = page.get_by_label("Pen")
    write(page, sheet, "1")
    expect(reading(page)).to_have_text("1")
    thin = ink_width(page)
    page.keyboard.press("Escape")
    for _ in range(5):
        page.keyboard.press("]")
    expect(width).to_have_value("24")
    write(page, sheet, "1")
    expect(reading(page)).to_have_text("1")
    assert ink_width(page) >= thin + 8
    page.keyboard.press("[")
    expect(width).to_have_value("22")


def expect_saved(page: Page) -> None:
    expect(page.get_by_text("Saved.", exact=True).and_(page.locator(".saved-words"))).to_be_visible()


def test_enter_saves(page: Page, sheet: Locator) -> None:
    write(page, sheet, "3")
    page.keyboard.press("Enter")
    expect_saved(page)
    assert Prediction.objects.get().text == "3"


def test_arrow_keys_draw(page: Page, sheet: Locator) -> None:
    sheet.focus()
    page.keyboard.press("Space")
    for _ in range(9):
        page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Space")
    expect(reading(page)).to_have_text("1")


def test_an_answer_to_an_older_drawing_is_dropped(page: Page, sheet: Locator) -> None:
    held: list[Route] = []

    def hold_the_first(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append(route)

    page.route("**/preview/", hold_the_first)
    with page.expect_request("**/preview/"):
        write(page, sheet, "4")
    write(page, sheet, "2", at=(200, 40))
    expect(reading(page)).to_have_text("42")
    assert held
    with suppress(Error):  # The page has aborted the call.
        held[0].fulfill(json={"text": "9", "confidence": 1, "digits": []})
    late = held[0].request.response()  # None if the page has aborted the call.
    if late is not None:
        late.finished()
    page.evaluate(SHOWN)
    expect(reading(page)).to_have_text("42")


def test_scribble_is_not_a_number(page: Page, sheet: Locator, complaints: Complaints) -> None:
    complaints.expect("status of 400")
    box = sheet.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 50, box["y"] + 50)
    page.mouse.down()
    for step in range(60):
        page.mouse.move(box["x"] + 50 + 7 * step, box["y"] + 50 + 230 * (step % 2), steps=3)
    page.mouse.up()
    expect(reading(page)).to_contain_text("number")


@pytest.mark.essential
def test_drawing_with_a_finger_does_not_scroll(open_page: OpenPage) -> None:
    page = open_page(**PHONE)
    page.goto("/")
    write_with_a_finger(page, page.locator("#sheet canvas"), "8", height=160)
    expect(reading(page)).to_have_text("8")
    assert page.evaluate("scrollY") == 0
    expect(reading(page)).to_be_in_viewport()
    tap(page.get_by_role("button", name="Save"))
    expect_saved(page)


SCREENS = {
    "desktop": {"viewport": {"width": 1366, "height": 650}},
    "phone": PHONE | {"viewport": {"width": 390, "height": 664}},
    "small phone": PHONE | {"viewport": {"width": 320, "height": 568}},
}
LONG_NAME = "maximiliane.musterfrau"
IN_VIEW = """() => [...document.querySelectorAll(".tools, .tools button:not([hidden])")]
  .map((each) => each.getBoundingClientRect())
  .every(({ top, bottom, left, right }) => top >= 0 && left >= 0 && bottom <= innerHeight && right <= innerWidth)"""


@pytest.mark.parametrize("screen", SCREENS)
def test_reading_does_not_move_the_tools(open_page: OpenPage, screen: str) -> None:
    page = open_page(**SCREENS[screen])
    log_in(page, User.objects.create_user(LONG_NAME))
    page.goto("/")
    tools = page.get_by_role("group", name="Drawing tools")
    before = tools.bounding_box()
    assert page.evaluate(IN_VIEW)
    sheet = page.locator("#sheet canvas")
    for row, text in enumerate(("12345", "6789")):
        write(page, sheet, text, height=60 if screen == "desktop" else 45, at=(15, 15 + 80 * row))
    expect(reading(page)).to_have_text("12345\n6789")
    expect(page.locator(".digits > li")).to_have_count(9)
    assert (tools.bounding_box(), page.evaluate(IN_VIEW)) == (before, True)
    page.get_by_role("button", name="Save").click()
    expect_saved(page)
    expect(page.locator(".saved-words")).to_be_in_viewport()
    assert (tools.bounding_box(), page.evaluate(IN_VIEW)) == (before, True)
    page.locator(".digits > li").last.scroll_into_view_if_needed()
    assert page.evaluate(IN_VIEW)


def test_drawing_shows_reading_until_the_answer(page: Page, sheet: Locator) -> None:
    held: list[Route] = []
    page.route("**/preview/", lambda route: held.append(route))
    box = sheet.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 60, box["y"] + 40)
    page.mouse.down()
    expect(reading(page)).to_have_text("Reading…")
    page.mouse.move(box["x"] + 60, box["y"] + 200, steps=9)
    with page.expect_request("**/preview/"):
        page.mouse.up()
    expect(reading(page)).to_have_text("Reading…")
    held.pop().continue_()
    expect(reading(page)).to_have_text("1")
    with page.expect_request("**/preview/"):
        write(page, sheet, "7", at=(200, 40))
    expect(page.locator(".reading-sureness")).to_have_text("Reading…")
    held.pop().continue_()
    expect(reading(page)).to_have_text("17")
    expect(page.locator(".reading-sureness")).to_contain_text("%")


TELL = """
window.told = [];
const region = document.querySelector("[role=status].reading-told");
new MutationObserver(() => window.told.push(region.textContent)).observe(region, { childList: true });
"""


def test_each_new_reading_is_announced_once(page: Page, sheet: Locator) -> None:
    page.evaluate(TELL)
    write(page, sheet, "7")
    expect(reading(page)).to_have_text("7")
    write(page, sheet, "1", at=(200, 40))
    expect(reading(page)).to_have_text("71")
    # A dot that is no digit: the reading is the same.
    with page.expect_response("**/preview/"):
        write(page, sheet, "1", height=3, at=(500, 300))
    expect(page.locator(".stale")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(reading(page)).to_have_text(NOTHING)
    told = page.evaluate("window.told")
    assert [words.split(".")[0] for words in told] == ["7", "71", "Nothing written yet"]


def test_eraser_removes_ink_and_undo_restores_it(page: Page, sheet: Locator) -> None:
    write(page, sheet, "17", height=120)
    expect(reading(page)).to_have_text("17")
    eraser = page.get_by_role("button", name="Eraser")
    eraser.click()
    expect(eraser).to_have_attribute("aria-pressed", "true")
    box = sheet.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 40, box["y"] + 40)
    page.mouse.down()
    for y in range(40, 180, 12):
        page.mouse.move(box["x"] + 30 + 80 * (y % 24 == 4), box["y"] + y, steps=4)
    page.mouse.up()
    expect(reading(page)).to_have_text("7")
    page.keyboard.press("Control+z")
    expect(reading(page)).to_have_text("17")
    page.keyboard.press("e")
    expect(eraser).to_have_attribute("aria-pressed", "false")


def test_two_fingers_leave_no_stroke(phone: Page) -> None:
    sheet = phone.locator("#sheet canvas").bounding_box()
    assert sheet is not None
    hand = phone.context.new_cdp_session(phone)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        places = [{"x": sheet["x"] + x, "y": sheet["y"] + y, "id": number} for number, (x, y) in enumerate(points)]
        hand.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

    touch("touchStart", (60, 60))
    touch("touchMove", (60, 90))
    touch("touchStart", (60, 90), (200, 90))
    touch("touchMove", (60, 120), (200, 120))
    touch("touchEnd")
    expect(phone.get_by_role("button", name="Undo")).to_be_disabled()
    expect(reading(phone)).to_have_text(NOTHING)
    write_with_a_finger(phone, phone.locator("#sheet canvas"), "1")
    expect(reading(phone)).to_have_text("1")


def test_enter_saves_after_a_tool_had_the_focus(page: Page, sheet: Locator) -> None:
    write(page, sheet, "7")
    write(page, sheet, "1", at=(200, 40))
    page.get_by_role("button", name="Undo").click()
    page.get_by_label("Pen").click()
    expect(reading(page)).to_have_text("7")
    page.keyboard.press("Enter")
    expect_saved(page)
    page.keyboard.press("n")
    write(page, sheet, "4")
    write(page, sheet, "1", at=(200, 40))
    expect(reading(page)).to_have_text("41")
    page.get_by_role("button", name="Undo").click()
    page.keyboard.press("Enter")
    expect_saved(page)
    assert set(Prediction.objects.values_list("text", flat=True)) == {"7", "4"}


def test_clearing_keeps_the_focus_on_the_sheet(page: Page, sheet: Locator) -> None:
    write(page, sheet, "7")
    clear = page.get_by_role("button", name="Clear")
    clear.focus()
    page.keyboard.press("Enter")
    expect(reading(page)).to_have_text(NOTHING)
    expect(sheet).to_be_focused()


def test_drawing_area_describes_its_keys(page: Page, sheet: Locator) -> None:
    expect(page.locator(".keys")).not_to_have_attribute("open", "")
    expect(sheet).to_have_accessible_description(re.compile("arrow keys move the pen"))


def test_saved_drawing_shows_links(page: Page, sheet: Locator) -> None:
    write(page, sheet, "7")
    page.keyboard.press("Enter")
    expect_saved(page)
    expect(page.locator(".saved").get_by_role("link", name="History")).to_be_visible()
    page.keyboard.press("n")
    expect(reading(page)).to_have_text(NOTHING)
    expect(page.locator(".saved")).to_be_hidden()
    write(page, sheet, "1")
    page.get_by_role("button", name="Save").click()
    expect_saved(page)
    page.get_by_role("button", name="Write another").click()
    expect(reading(page)).to_have_text(NOTHING)
    assert sorted(Prediction.objects.values_list("text", flat=True)) == ["1", "7"]


def test_one_click_saves_and_corrects_a_drawing(page: Page, sheet: Locator) -> None:
    write(page, sheet, "7")
    expect(reading(page)).to_have_text("7")
    other = page.locator(".likely button").first
    right = other.inner_text()
    other.click()
    expect(page.locator(".saved")).to_contain_text(f"You said: {right}.")
    correction = Correction.objects.get()
    assert (correction.text, correction.prediction.text) == (right, "7")


def test_saved_drawing_is_corrected_on_the_draw_page(page: Page, sheet: Locator) -> None:
    write(page, sheet, "7")
    page.keyboard.press("Enter")
    expect_saved(page)
    page.get_by_text("Another number").click()
    page.get_by_label("The right number").fill("seven")
    page.keyboard.press("Enter")
    assert not Correction.objects.exists()
    page.get_by_label("The right number").fill("19")
    page.keyboard.press("Enter")
    expect(page.locator(".saved")).to_contain_text("You said: 19.")
    assert Correction.objects.get().text == "19"
    assert Prediction.objects.count() == 1


def test_the_reading_is_copied(page: Page, sheet: Locator) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    copy = page.get_by_role("button", name="Copy the reading")
    expect(copy).to_be_hidden()
    write(page, sheet, "42", height=120)
    expect(reading(page)).to_have_text("42")
    copy.click()
    assert page.evaluate("navigator.clipboard.readText()") == "42"


def test_unreachable_site_is_reported(page: Page, sheet: Locator, complaints: Complaints) -> None:
    complaints.expect("ERR_INTERNET_DISCONNECTED")
    page.context.set_offline(True)
    write(page, sheet, "3")
    expect(reading(page)).to_contain_text("You are offline")
    page.context.set_offline(False)
    page.get_by_role("button", name="Retry").click()
    expect(reading(page)).to_have_text("3")
    complaints.expect("ERR_FAILED")
    page.route("**/predictions/", lambda route: route.abort())
    page.keyboard.press("Enter")
    expect(reading(page)).to_contain_text("The site cannot be reached")
    page.unroute("**/predictions/")
    page.get_by_role("button", name="Retry").click()
    expect_saved(page)
    assert Prediction.objects.count() == 1


def test_unsaved_drawing_survives_a_reload(page: Page, sheet: Locator) -> None:
    write(page, sheet, "7")
    expect(reading(page)).to_have_text("7")
    page.reload()
    expect(reading(page)).to_have_text("7")
    page.keyboard.press("Enter")
    expect_saved(page)
    page.goto("/")
    expect(reading(page)).to_have_text(NOTHING)


@pytest.mark.parametrize("screen", pen.SCREENS)
def test_pen_benchmark_times_each_stroke(open_page: OpenPage, screen: str) -> None:
    page = open_page(bypass_csp=True, **pen.SCREENS[screen])
    page.goto("/")
    page.evaluate(pen.MEASURE)
    pen.write_and_wait(page)
    assert len(page.evaluate("window.times")) == len(pen.NUMBER)
