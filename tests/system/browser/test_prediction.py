"""A prediction's page in the browser: next one, copy, crop and turn."""

import io
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from recognizer.identity import Identity
from recognizer.models import Prediction
from recognizer.predictions import store_prediction

from .conftest import log_in
from .hand import choose_part
from .inspection import AXE, OPTIONS, VIOLATIONS
from .pictures import photograph


@pytest.fixture
def kept(site: str, user: Any, page: Page) -> Prediction:
    """A photograph of two lines of somebody who is logged in."""
    log_in(page, user)
    return store_prediction(photograph("60\n71", seed=2), identity=Identity(user=user), source="upload")


def heading(page: Page) -> Any:
    return page.get_by_role("heading", level=1)


def test_crop_of_a_stored_picture_is_a_new_prediction(page: Page, kept: Prediction) -> None:
    page.goto(kept.get_absolute_url())
    page.get_by_role("button", name="Crop or turn").click()
    page.evaluate(AXE)
    assert page.evaluate(VIOLATIONS, OPTIONS) == []
    choose_part(page, 0, 0.5, 1, 1)
    page.get_by_role("button", name="Read only this part").click()
    expect(heading(page)).to_have_text("Read as 71")
    part = Prediction.objects.exclude(pk=kept.pk).get()
    assert part.owner == kept.owner
    assert abs(part.height - kept.height / 2) < 5


def test_api_crop_of_a_turned_picture_uses_shown_coordinates(page: Page, kept: Prediction) -> None:
    page.goto(kept.get_absolute_url())
    page.get_by_role("button", name="Crop or turn").click()
    for _ in range(4):
        page.get_by_role("button", name="Turn right").click()
    page.get_by_label("The part to read").focus()
    for _ in range(25):
        page.keyboard.press("Shift+ArrowUp")
    page.get_by_role("button", name="Read only this part").click()
    expect(heading(page)).to_have_text("Read as 60")


def test_stored_picture_on_its_side_can_be_turned(page: Page, user: Any, kept: Prediction) -> None:
    kept.delete()
    lying = page_on_its_side(photograph("60\n71", seed=2))
    prediction = store_prediction(lying, identity=Identity(user=user), source="upload")
    page.goto(prediction.get_absolute_url())
    page.get_by_role("button", name="Crop or turn").click()
    page.get_by_role("button", name="Turn right").click()
    choose_part(page, 0, 0, 1, 0.5)
    page.get_by_role("button", name="Read only this part").click()
    expect(heading(page)).to_have_text("Read as 60")


def page_on_its_side(picture: bytes) -> bytes:
    with Image.open(io.BytesIO(picture)) as upright:
        out = io.BytesIO()
        upright.transpose(Image.Transpose.ROTATE_90).save(out, "PNG")
    return out.getvalue()


def test_arrow_keys_and_n_navigate_between_predictions(page: Page, user: Any, kept: Prediction) -> None:
    later = store_prediction(photograph("314", seed=3), identity=Identity(user=user), source="upload")
    page.goto(kept.get_absolute_url())
    expect(page.get_by_role("link", name="Previous")).to_have_count(0)
    page.keyboard.press("ArrowRight")
    expect(heading(page)).to_have_text(f"Read as {later.text}")
    expect(page.get_by_role("link", name="Next")).to_have_count(0)
    page.get_by_role("link", name="Previous").click()
    expect(heading(page)).to_have_text("Read as 60\n71")
    page.keyboard.press("n")
    expect(heading(page)).to_have_text("Write a number")


def test_mask_is_offered_where_it_was_used(
    page: Page, user: Any, kept: Prediction, mnist_pictures: dict[int, bytes]
) -> None:
    clean = store_prediction(mnist_pictures[3], identity=Identity(user=user), source="upload")
    page.goto(clean.get_absolute_url())
    expect(page.get_by_label("Show the mask")).to_have_count(0)
    page.goto(kept.get_absolute_url())
    page.get_by_label("Show the mask").check()
    mask = page.locator("img.mask")
    expect(mask).to_be_visible()
    expect(mask).not_to_have_js_property("naturalWidth", 0)


def test_a_reading_is_copied_line_by_line(page: Page, kept: Prediction) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(kept.get_absolute_url())
    page.get_by_role("button", name="Copy the reading").click()
    assert page.evaluate("navigator.clipboard.readText()") == "60\n71"
