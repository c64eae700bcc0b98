"""Labelling uncorrected readings with keys."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from recognizer.identity import Identity
from recognizer.models import Correction, Prediction, Sample
from recognizer.predictions import store_prediction

from .conftest import log_in


@pytest.fixture
def unsure(site: str, user: Any, mnist_pictures: dict[int, bytes]) -> list[Prediction]:
    """A 3, a 4 and a 5 of ada's, the first the least sure."""
    owner = Identity(user=user)
    made = [store_prediction(mnist_pictures[digit], identity=owner, source="upload") for digit in (3, 4, 5)]
    for number, prediction in enumerate(made):
        Prediction.objects.filter(pk=prediction.pk).update(confidence=0.1 + number / 10)
    return made


def labels() -> list[tuple[str, str]]:
    return list(Correction.objects.order_by("pk").values_list("text", "state"))


def test_unsure_readings_are_labelled_with_a_key_each(page: Page, superuser: Any, unsure: list[Prediction]) -> None:
    log_in(page, superuser)
    page.goto("/review/")
    page.get_by_role("link", name="Least sure first").click()
    read = page.locator(".decision .number")
    expect(read).to_contain_text("3")
    page.keyboard.press("a")
    expect(read).to_contain_text("4")
    page.keyboard.type("91")
    page.keyboard.press("Enter")
    expect(read).to_contain_text("5 ")
    assert labels() == [("3", "confirmed"), ("91", "approved")]
    page.keyboard.press("u")
    expect(read).to_contain_text("4")
    page.keyboard.press("l")
    expect(read).to_contain_text("5 ")
    page.keyboard.press("n")
    expect(read).to_contain_text("4")
    assert labels() == [("3", "confirmed"), ("", "approved")]


def test_a_random_sample_is_labelled_and_measured(page: Page, superuser: Any, unsure: list[Prediction]) -> None:
    log_in(page, superuser)
    page.goto("/review/sample/")
    page.get_by_role("button", name="Draw 20 at random").click()
    expect(page.get_by_role("status")).to_have_text("0 of 3 labelled")
    for number in range(1, 4):
        page.keyboard.press("a")
        expect(page.get_by_role("status")).to_contain_text(f"{number} of 3 labelled")
    assert Sample.objects.answered().count() == 3
    page.goto("/dashboard/")
    expect(page.get_by_role("heading", name="Accuracy on a random sample")).to_be_visible()
    expect(page.locator("[aria-labelledby=sample-title] tbody tr")).to_contain_text("100.00")
