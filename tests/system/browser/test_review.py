"""The review queue by keyboard, and a correction from the history."""

import datetime
import uuid
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from recognizer.identity import Identity
from recognizer.labels import Label, imported_correction
from recognizer.models import Correction
from recognizer.predictions import store_prediction
from training.retraining.corrections_io import newest_of_each

from .conftest import OpenPage, log_in


def flagged(pictures: dict[int, bytes], *claims: tuple[int, str]) -> list[Correction]:
    who = Identity(visitor=uuid.uuid4())
    return [store_prediction(pictures[digit], identity=who, source="upload").flag(text) for digit, text in claims]


def state_of(correction: Correction) -> str:
    correction.refresh_from_db()
    return correction.state


@pytest.mark.essential
def test_corrections_are_decided_with_one_key_each(
    page: Page, superuser: Any, mnist_pictures: dict[int, bytes]
) -> None:
    log_in(page, superuser)
    first, second, third = flagged(mnist_pictures, (3, "8"), (4, "9"), (1, "71"))
    page.goto("/review/")
    page.evaluate("window.stays = true")
    expect(page.locator(".corrected")).to_have_text("8")
    page.keyboard.press("a")
    expect(page.locator(".corrected")).to_have_text("9")
    page.keyboard.press("r")
    expect(page.locator(".corrected")).to_have_text("71")
    assert (state_of(first), state_of(second)) == ("approved", "rejected")
    page.keyboard.press("u")
    expect(page.locator(".corrected")).to_have_text("9")
    assert state_of(second) == "pending"
    page.keyboard.press("a")
    expect(page.locator(".corrected")).to_have_text("71")
    page.keyboard.press("e")
    page.keyboard.type("7")
    page.keyboard.press("Enter")
    expect(page.get_by_text("No corrections to review.")).to_be_visible()
    third.refresh_from_db()
    assert (third.state, third.labels) == ("approved", [7])
    assert page.evaluate("window.stays"), "the page was loaded anew"


def test_keys_work_after_typing_another_number(page: Page, superuser: Any, mnist_pictures: dict[int, bytes]) -> None:
    log_in(page, superuser)
    first, second, third = flagged(mnist_pictures, (3, "8"), (4, "9"), (1, "7"))
    page.goto("/review/")
    page.keyboard.press("t")
    page.keyboard.type("5")
    page.keyboard.press("Enter")
    expect(page.locator(".corrected")).to_have_text("9")
    assert [correction.text for correction in first.prediction.corrections.approved()] == ["5"]
    page.keyboard.press("e")
    expect(page.get_by_label("Box 1")).to_be_focused()
    page.keyboard.type("4")
    page.keyboard.press("a")
    expect(page.locator(".corrected")).to_have_text("7")
    second.refresh_from_db()
    assert (second.state, second.labels) == ("approved", [4])
    page.keyboard.press("e")
    page.keyboard.press("Escape")
    expect(page.get_by_label("Box 1")).not_to_be_focused()
    page.keyboard.press("r")
    expect(page.get_by_text("No corrections to review.")).to_be_visible()
    assert state_of(third) == "rejected"


def test_a_picture_is_zoomed_and_times_are_local(
    open_page: OpenPage, superuser: Any, mnist_pictures: dict[int, bytes]
) -> None:
    page = open_page(timezone_id="Asia/Tokyo", locale="en-GB")
    log_in(page, superuser)
    for correction in flagged(mnist_pictures, (3, "8"), (4, "9")):
        correction.created_at = datetime.datetime(2026, 1, 2, 20, tzinfo=datetime.UTC)
        correction.save()
    page.goto("/review/")
    picture = page.locator(".zoomed svg")
    width = "(picture) => picture.getBoundingClientRect().width"
    whole = picture.evaluate(width)
    page.keyboard.press("z")
    assert picture.evaluate(width) == pytest.approx(2 * whole, abs=40)
    picture.click()
    assert picture.evaluate(width) == pytest.approx(4 * whole, abs=80)
    page.get_by_role("button", name="Zoom").click()
    assert picture.evaluate(width) == pytest.approx(whole)
    time = page.locator(".decision time")
    expect(time).to_have_text("3 Jan 2026, 05:00")
    page.keyboard.press("r")
    expect(page.locator(".corrected")).to_have_text("9")
    expect(time).to_have_text("3 Jan 2026, 05:00")


def test_flagging_in_the_history_keeps_the_layout(page: Page, user: Any, mnist_pictures: dict[int, bytes]) -> None:
    log_in(page, user)
    kept = [
        store_prediction(mnist_pictures[number % 10], identity=Identity(user=user), source="upload")
        for number in range(20)
    ]
    page.goto("/history/")
    shapes = "[...document.querySelectorAll('.card')].map((card) => card.getBoundingClientRect().top + scrollY)"
    flagged = page.locator(f"#prediction-{kept[2].pk}")
    flagged.scroll_into_view_if_needed()
    before = page.evaluate(shapes)
    flagged.get_by_text("Not right?").click()
    expect(flagged.get_by_label("The right number")).to_be_visible()
    assert page.evaluate(shapes) == before
    flagged.get_by_label("The right number").fill("8")
    flagged.get_by_role("button", name="Send").click()
    expect(flagged.locator(".badge")).to_have_text("awaiting review: 8")
    expect(flagged).to_be_in_viewport()
    assert page.evaluate("scrollY") > 0


def test_reading_is_corrected_from_the_history(page: Page, user: Any, mnist_pictures: dict[int, bytes]) -> None:
    log_in(page, user)
    prediction = store_prediction(mnist_pictures[3], identity=Identity(user=user), source="upload")
    page.goto("/history/")
    page.get_by_text("Not right?").click()
    page.get_by_label("The right number").fill("8")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".badge")).to_have_text("awaiting review: 8")
    assert prediction.corrections.get().text == "8"


def test_imported_label_is_shown_and_overridden(
    page: Page, open_page: OpenPage, user: Any, superuser: Any, mnist_pictures: dict[int, bytes]
) -> None:
    owner = Identity(user=user)
    prediction = store_prediction(mnist_pictures[4], identity=owner, source="import", filename="form.png")
    imported_correction(prediction, Label("9"), superuser).save()
    log_in(page, user)
    page.goto("/history/")
    card = page.locator(f"#prediction-{prediction.pk}")
    expect(card.locator(".badge")).to_have_text("imported: 9")
    page.goto(prediction.get_absolute_url())
    expect(page.locator(".correction")).to_have_text("Imported label: 9.")
    expect(page.get_by_role("heading", name="Is it right?")).to_be_visible()
    page.goto("/history/")
    card.get_by_text("Not right?").click()
    card.get_by_label("The right number").fill("7")
    card.get_by_role("button", name="Send").click()
    expect(card.locator(".badge")).to_have_text("awaiting review: 7")
    reviewer = open_page()
    log_in(reviewer, superuser)
    reviewer.goto("/review/")
    expect(reviewer.locator(".decision .imported")).to_have_text("9")
    expect(reviewer.locator(".corrected")).to_have_text("7")
    reviewer.keyboard.press("a")
    expect(reviewer.get_by_text("No corrections to review.")).to_be_visible()
    page.reload()
    expect(card.locator(".badge")).to_have_text("corrected: 7")
    assert [each.text for each in newest_of_each(Correction.objects.labels())] == ["7"]
