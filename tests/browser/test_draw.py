"""The first page, as a hand uses it."""

from contextlib import suppress

import pytest
from playwright.sync_api import Error, Locator, Page, Route, expect

from recognizer.models import Prediction

from .conftest import Complaints, OpenPage
from .hand import write, write_with_a_finger

NOTHING = "Nothing written yet."
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@pytest.fixture
def sheet(page: Page) -> Locator:
    page.goto("/")
    return page.locator("#sheet canvas")


def reading(page: Page) -> Locator:
    return page.locator(".reading-text")


@pytest.mark.parametrize("digit", "0123456789")
def test_a_digit_drawn_with_the_mouse_is_read_while_it_is_written(page: Page, sheet: Locator, digit: str) -> None:
    write(page, sheet, digit)
    expect(reading(page)).to_have_text(digit)
    assert not Prediction.objects.exists()


def test_several_digits_make_a_number_each_in_its_box(page: Page, sheet: Locator) -> None:
    write(page, sheet, "2705", height=120)
    expect(reading(page)).to_have_text("2705")
    expect(page.locator(".marks g text")).to_have_text(["2", "7", "0", "5"])
    expect(page.locator(".digits .best .label")).to_have_text(["2", "7", "0", "5"])
    expect(page.locator(".reading-sureness")).to_contain_text("%")


def test_a_digit_joins_the_number_when_it_is_written(page: Page, sheet: Locator) -> None:
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


def test_buttons_do_what_keys_do(page: Page, sheet: Locator) -> None:
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


def test_brackets_change_the_width_of_the_pen(page: Page, sheet: Locator) -> None:
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


def test_enter_saves(page: Page, sheet: Locator) -> None:
    write(page, sheet, "3")
    page.keyboard.press("Enter")
    page.wait_for_url("**/predictions/*/")
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
    with suppress(Error):  # The page has given the call up, and may say so.
        held[0].fulfill(json={"text": "9", "confidence": 1, "digits": []})
    page.wait_for_timeout(300)
    expect(reading(page)).to_have_text("42")


def test_a_scribble_is_told_to_be_no_number(page: Page, sheet: Locator, complaints: Complaints) -> None:
    complaints.expect("status of 400")
    box = sheet.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 50, box["y"] + 50)
    page.mouse.down()
    for step in range(60):
        page.mouse.move(box["x"] + 50 + 7 * step, box["y"] + 50 + 230 * (step % 2), steps=3)
    page.mouse.up()
    expect(reading(page)).to_contain_text("number")


def test_a_finger_draws_without_scrolling_the_page(open_page: OpenPage) -> None:
    page = open_page(**PHONE)
    page.goto("/")
    write_with_a_finger(page, page.locator("#sheet canvas"), "8", height=160)
    expect(reading(page)).to_have_text("8")
    assert page.evaluate("scrollY") == 0
    expect(reading(page)).to_be_in_viewport()
    page.get_by_role("button", name="Save").tap()
    page.wait_for_url("**/predictions/*/")


def test_nothing_moves_when_the_reading_arrives(open_page: OpenPage) -> None:
    page = open_page(**PHONE)
    page.goto("/")
    tools = page.get_by_role("group", name="Drawing tools")
    before = tools.bounding_box()
    write(page, page.locator("#sheet canvas"), "31", height=100)
    expect(reading(page)).to_have_text("31")
    assert tools.bounding_box() == before


def test_a_site_that_cannot_be_reached_is_told(page: Page, sheet: Locator, complaints: Complaints) -> None:
    complaints.expect("ERR_INTERNET_DISCONNECTED")
    page.context.set_offline(True)
    write(page, sheet, "3")
    expect(reading(page)).to_contain_text("cannot be reached")
    page.context.set_offline(False)
    page.keyboard.press("Enter")
    page.wait_for_url("**/predictions/*/")
