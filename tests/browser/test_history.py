"""What people kept: found, narrowed down, deleted."""

import datetime
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect

from recognizer.models import Prediction
from recognizer.predictions import store_prediction
from recognizer.visitors import Identity

from .conftest import log_in


@pytest.fixture
def kept(site: str, user: Any, mnist_pictures: dict[int, bytes]) -> list[Prediction]:
    """Predictions of ada's: an uploaded 3, a drawn 7 that is flagged, and a 5 of last year sent by a program."""
    owner = Identity(user=user)
    three, seven, five = (
        store_prediction(mnist_pictures[digit], identity=owner, source=source)
        for digit, source in ((3, "upload"), (7, "draw"), (5, "api"))
    )
    seven.flag("1")
    five.created_at = timezone.now() - datetime.timedelta(days=365)
    five.save()
    return [three, seven, five]


@pytest.fixture
def history(page: Page, kept: list[Prediction], user: Any) -> Page:
    log_in(page, user)
    return page


def numbers(page: Page) -> Locator:
    return page.locator(".card-text")


def test_the_newest_comes_first_with_its_picture(history: Page) -> None:
    expect(numbers(history)).to_have_text(["5", "7", "3"])
    for picture in history.locator(".card img").all():
        expect(picture).to_have_js_property("complete", True)
        assert picture.evaluate("(image) => image.naturalWidth") == 28


def narrow(page: Page, label: str, choice: str) -> None:
    field = page.get_by_label(label, exact=True)
    if label in ("from", "to"):
        field.fill(choice)
    else:
        field.select_option(choice)
    page.get_by_role("button", name="Filter").click()


@pytest.mark.parametrize(
    ("label", "choice", "left"),
    [
        ("Source", "drawn", ["7"]),
        ("Flagged", "not flagged", ["5", "3"]),
        ("Digit", "3", ["3"]),
        ("from", f"{timezone.now() - datetime.timedelta(days=2):%Y-%m-%d}", ["7", "3"]),
        ("to", f"{timezone.now() - datetime.timedelta(days=2):%Y-%m-%d}", ["5"]),
    ],
)
def test_filters_narrow_it_down_and_let_go_again(history: Page, label: str, choice: str, left: list[str]) -> None:
    narrow(history, label, choice)
    expect(numbers(history)).to_have_text(left)
    history.get_by_role("link", name="Show all").first.click()
    expect(numbers(history)).to_have_count(3)


def test_filters_that_leave_nothing_say_so(history: Page) -> None:
    narrow(history, "Digit", "9")
    expect(history.get_by_text("Nothing here fits these filters.")).to_be_visible()


def test_one_is_deleted_for_good(history: Page, kept: list[Prediction]) -> None:
    numbers(history).get_by_text("7", exact=True).click()
    history.get_by_text("Delete this…").click()
    history.get_by_role("button", name="Delete for good").click()
    expect(history.get_by_role("status")).to_have_text("Deleted.")
    expect(numbers(history)).to_have_text(["5", "3"])
    assert not default_storage.exists(kept[1].image.name)


def test_all_are_erased_after_a_question(history: Page, kept: list[Prediction]) -> None:
    history.get_by_role("link", name="Erase the whole history").click()
    history.get_by_role("link", name="Keep it").click()
    expect(numbers(history)).to_have_count(3)
    history.get_by_role("link", name="Erase the whole history").click()
    history.get_by_role("button", name="Erase everything").click()
    expect(history.get_by_text("Nothing here yet.")).to_be_visible()
    assert not any(default_storage.exists(prediction.image.name) for prediction in kept)
