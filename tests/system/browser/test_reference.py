"""The API reference in the browser."""

import pytest
from playwright.sync_api import Locator, Page, expect

from recognizer.models import Prediction

from .conftest import OpenPage
from .inspection import AXE, OPTIONS, VIOLATIONS


def opened(page: Page, operation: str) -> Locator:
    """Open an operation and get ready to try it out."""
    block = page.locator(f"[id$={operation}]").first
    block.locator(".opblock-summary-control").first.click()
    block.get_by_role("button", name="Try it out").click()
    expect(block.get_by_role("button", name="Execute")).to_be_visible()
    return block


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_api_reference_is_accessible(open_page: OpenPage, scheme: str) -> None:
    page = open_page(color_scheme=scheme)
    page.goto("/api/v1/docs/")
    for operation in ("predictions_create", "predictions_list", "predictions_destroy"):
        opened(page, operation)
    expect(page.get_by_role("button", name="Copy path").first).to_have_css("width", "24px")
    page.locator(".opblock-summary").first.hover()
    page.evaluate(AXE)
    violations = page.evaluate(VIOLATIONS, OPTIONS)
    assert [(each["id"], [node["html"][:120] for node in each["nodes"]]) for each in violations] == []


def test_reference_examples_work_at_the_first_try(page: Page) -> None:
    page.goto("/api/v1/docs/")
    block = opened(page, "predictions_create")
    with page.expect_response("**/api/v1/predictions/") as answer:
        block.get_by_role("button", name="Execute").click()
    assert answer.value.status == 201, answer.value.text()
    assert Prediction.objects.get().text == "7"


def test_api_reference_sends_a_file(page: Page, mnist_pictures: dict[int, bytes]) -> None:
    page.goto("/api/v1/docs/")
    block = opened(page, "predictions_create")
    block.locator("select.content-type").first.select_option("multipart/form-data")
    file = {"name": "4.png", "mimeType": "image/png", "buffer": mnist_pictures[4]}
    block.locator("input[type=file]").set_input_files(file)
    with page.expect_response("**/api/v1/predictions/") as answer:
        block.get_by_role("button", name="Execute").click()
    assert answer.value.status == 201, answer.value.text()
    assert Prediction.objects.get().text == "4"


def test_api_reference_authorises_by_key_only(page: Page) -> None:
    page.goto("/api/v1/docs/")
    page.locator(".btn.authorize").click()
    expect(page.locator(".auth-container h4")).to_have_count(1)
