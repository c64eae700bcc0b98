"""Pages while somebody uses them have no accessibility fault either."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from recognizer.identity import Identity
from recognizer.models import Prediction
from recognizer.predictions import store_prediction

from .conftest import Complaints, log_in
from .hand import write
from .inspection import AXE, DESKTOP, OPTIONS, PHONE, SCHEMES, SHOWN, VIOLATIONS, Scheme
from .pictures import photograph
from .test_upload import UNSURE

Look = Callable[[str], None]


@pytest.fixture(params=SCHEMES)
def scheme(request: pytest.FixtureRequest) -> Scheme:
    scheme: Scheme = request.param
    return scheme


@pytest.fixture
def look(page: Page, scheme: Scheme) -> Look:
    """Check the page as it is, on both screens."""
    page.emulate_media(color_scheme=scheme)
    devtools = page.context.new_cdp_session(page)

    def look(state: str) -> None:
        page.evaluate(AXE)
        for screen in (PHONE, DESKTOP):
            devtools.send("Emulation.setDeviceMetricsOverride", screen)
            page.evaluate(SHOWN)
            violations = page.evaluate(VIOLATIONS, OPTIONS)
            found = [f"{violation['id']}: {violation['nodes'][0]['html'][:150]}" for violation in violations]
            assert found == [], f"{state} at {screen['width']} pixels"

    return look


def test_drawing_states_are_accessible(page: Page, site: str, look: Look) -> None:
    page.goto("/")
    write(page, page.locator("#sheet canvas"), "71")
    expect(page.locator(".reading-text")).to_have_text("71")
    look("a reading")
    page.keyboard.press("Enter")
    expect(page.locator(".saved")).to_be_visible()
    page.get_by_text("Another number").click()
    look("a saved drawing that is corrected")


def test_upload_states_are_accessible(
    page: Page, mnist_pictures: dict[int, bytes], blank: bytes, look: Look, complaints: Complaints
) -> None:
    complaints.expect("status of 400")
    page.goto("/upload/")
    page.route("**/predictions/", lambda route: route.fulfill(status=201, json=UNSURE), times=1)
    pictures = {"unsure.png": mnist_pictures[3], "four.png": mnist_pictures[4], "blank.png": blank}
    for name, picture in pictures.items():
        page.locator("#choose").set_input_files({"name": name, "mimeType": "image/png", "buffer": picture})
        expect(page.locator(".upload").first.locator("progress")).to_have_count(0)
    look("sure, unsure and refused uploads")
    page.get_by_role("button", name="Crop or turn blank.png").click()
    look("a picture that is cropped")


def test_history_states_are_accessible(page: Page, user: Any, site: str, look: Look) -> None:
    log_in(page, user)
    for seed in (1, 2, 3):
        store_prediction(photograph("2026", seed), identity=Identity(user=user), source="upload", filename="IMG_1.jpg")
    Prediction.objects.filter(pk=Prediction.objects.latest("pk").pk).update(confidence=0.1)
    page.goto("/history/")
    page.get_by_text("More filters").click()
    look("all filters")
    page.get_by_text("Not right?").first.click()
    look("a reading that is corrected")
    page.keyboard.press("Escape")
    page.locator(".tick input").first.check()
    look("a selection")
    page.get_by_role("button", name="Delete", exact=True).click()
    look("a deletion that can be undone")
