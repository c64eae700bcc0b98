"""The review queue with keys alone, and a flag from the history."""

import uuid
from typing import Any

from playwright.sync_api import Page, expect

from recognizer.models import Correction
from recognizer.predictions import store_prediction
from recognizer.visitors import Identity

from .conftest import log_in


def flagged(pictures: dict[int, bytes], *claims: tuple[int, str]) -> list[Correction]:
    who = Identity(visitor=uuid.uuid4())
    return [store_prediction(pictures[digit], identity=who, source="upload").flag(text) for digit, text in claims]


def state_of(claim: Correction) -> str:
    claim.refresh_from_db()
    return claim.state


def test_claims_are_decided_with_one_key_each(page: Page, superuser: Any, mnist_pictures: dict[int, bytes]) -> None:
    log_in(page, superuser)
    first, second, third = flagged(mnist_pictures, (3, "8"), (4, "9"), (1, "71"))
    page.goto("/review/")
    page.evaluate("window.stays = true")
    expect(page.locator(".claimed")).to_have_text("8")
    page.keyboard.press("a")
    expect(page.locator(".claimed")).to_have_text("9")
    page.keyboard.press("r")
    expect(page.locator(".claimed")).to_have_text("71")
    assert (state_of(first), state_of(second)) == ("approved", "rejected")
    page.keyboard.press("u")
    expect(page.locator(".claimed")).to_have_text("9")
    assert state_of(second) == "pending"
    page.keyboard.press("a")
    expect(page.locator(".claimed")).to_have_text("71")
    page.keyboard.press("e")
    page.keyboard.type("7")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing waits for you.")).to_be_visible()
    third.refresh_from_db()
    assert (third.state, third.labels) == ("approved", [7])
    assert page.evaluate("window.stays"), "the page was loaded anew"


def test_a_mistake_is_flagged_from_the_history(page: Page, user: Any, mnist_pictures: dict[int, bytes]) -> None:
    log_in(page, user)
    prediction = store_prediction(mnist_pictures[3], identity=Identity(user=user), source="upload")
    page.goto("/history/")
    page.get_by_text("Not right?").click()
    page.get_by_placeholder("The right number").fill("8")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".badge")).to_have_text("flagged: 8")
    assert prediction.corrections.get().text == "8"
