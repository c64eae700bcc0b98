"""The main task from end to end: draw, read, save, correct, find, approve."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from recognizer.models import Correction, Prediction

from .conftest import OpenPage, log_in
from .hand import write


def draw_and_save(page: Page, text: str) -> None:
    page.goto("/")
    write(page, page.locator("#sheet canvas"), text)
    expect(page.locator(".reading-text")).to_have_text(text)
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="View").click()
    page.wait_for_url("**/predictions/*/")


@pytest.mark.essential
def test_drawn_digit_is_saved_corrected_and_approved(page: Page, open_page: OpenPage, superuser: Any) -> None:
    draw_and_save(page, "7")
    expect(page.get_by_role("heading", level=1)).to_have_text("Read as 7")
    expect(page.get_by_text("drawn")).to_be_visible()

    # Two clicks: the field, which holds what was read, and the button beside it.
    page.get_by_label("The right number").select_text()
    page.keyboard.type("1")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("status")).to_contain_text("Thank you.")
    expect(page.locator(".correction")).to_contain_text("You said: 1.")

    page.get_by_role("navigation", name="Site").get_by_role("link", name="History").click()
    card = page.locator(".card")
    expect(card).to_have_count(1)
    expect(card).to_contain_text("awaiting review: 1")
    card.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Read as 7")

    desk = open_page()
    log_in(desk, superuser)
    desk.goto("/admin/recognizer/correction/")
    row = desk.locator("#result_list tbody tr")
    expect(row).to_have_count(1)
    expect(row.locator("img.picture")).to_have_js_property("complete", True)
    row.locator(".action-select").check()
    desk.get_by_label("Action:").select_option("approve")
    desk.get_by_role("button", name="Run").or_(desk.get_by_role("button", name="Go")).click()
    expect(desk.get_by_text("1 approved.")).to_be_visible()

    page.reload()
    expect(page.locator(".correction")).to_contain_text("A reviewer agreed.")
    correction = Correction.objects.get()
    assert (correction.text, correction.state, correction.reviewed_by) == ("1", "approved", superuser)


def test_correction_takes_two_clicks(page: Page) -> None:
    draw_and_save(page, "4")
    page.get_by_role("button", name="No number here").click()
    expect(page.locator(".correction")).to_contain_text("no number")
    assert Correction.objects.get().text == ""


@pytest.mark.essential
def test_correction_can_be_made_with_the_keyboard_only(page: Page) -> None:
    draw_and_save(page, "4")
    for key in "e9":
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    expect(page.locator(".correction")).to_contain_text("You said: 9.")
    prediction = Prediction.objects.get()
    assert prediction.correction is not None
    assert prediction.correction.text == "9"
