"""The history in the browser: filters, selection, deletion."""

import csv
import datetime
import json
import zipfile
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect

from benchmarks.processes import wait_until
from recognizer.identity import Identity
from recognizer.models import Prediction
from recognizer.predictions import store_prediction

from .conftest import Complaints, OpenPage, log_in
from .hand import tap


@pytest.fixture
def kept(site: str, user: Any, mnist_pictures: dict[int, bytes]) -> list[Prediction]:
    """Predictions of ada's: an uploaded 3, an unsure drawn 7 that is flagged, and a 5 that a program sent last year."""
    owner = Identity(user=user)
    three, seven, five = (
        store_prediction(mnist_pictures[digit], identity=owner, source=source, filename=name)
        for digit, source, name in ((3, "upload", "three.png"), (7, "draw", ""), (5, "api", ""))
    )
    seven.flag("1")
    seven.confidence = 0.4
    seven.save()
    five.created_at = timezone.now() - datetime.timedelta(days=365)
    five.save()
    return [three, seven, five]


@pytest.fixture
def history(page: Page, kept: list[Prediction], user: Any) -> Page:
    log_in(page, user)
    page.goto("/history/")
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
    if not field.is_visible():
        page.get_by_text("More filters").click()
    if field.evaluate("(field) => field.tagName") == "SELECT":
        field.select_option(choice)
    else:
        field.fill(choice)
    page.get_by_role("button", name="Filter").click()


@pytest.mark.parametrize(
    ("label", "choice", "left"),
    [
        ("Number", "7", ["7"]),
        ("Sureness", "unsure", ["7"]),
        ("Sureness", "sure", ["5", "3"]),
        ("Confidence from", "0.5", ["5", "3"]),
        ("Confidence to", "0.5", ["7"]),
        ("Source", "drawn", ["7"]),
        ("Corrected", "not corrected", ["5", "3"]),
        ("Digit", "3", ["3"]),
        ("from", f"{timezone.now() - datetime.timedelta(days=2):%Y-%m-%d}", ["7", "3"]),
        ("to", f"{timezone.now() - datetime.timedelta(days=2):%Y-%m-%d}", ["5"]),
    ],
)
def test_history_filters_apply_and_reset(history: Page, label: str, choice: str, left: list[str]) -> None:
    narrow(history, label, choice)
    expect(numbers(history)).to_have_text(left)
    history.get_by_role("link", name="Show all").first.click()
    expect(numbers(history)).to_have_count(3)


def test_least_sure_reading_comes_first_if_sorted(history: Page) -> None:
    narrow(history, "Sort", "least sure first")
    expect(numbers(history).first).to_have_text("7")


def test_batch_is_listed_only_when_chosen(history: Page, kept: list[Prediction]) -> None:
    Prediction.objects.filter(pk=kept[0].pk).update(batch=12)
    history.reload()
    expect(numbers(history)).to_have_text(["5", "7"])
    narrow(history, "Batch", "12")
    expect(numbers(history)).to_have_text(["3"])


def test_filters_without_results_show_a_message(history: Page) -> None:
    narrow(history, "Digit", "9")
    expect(history.get_by_text("No pictures match these filters.")).to_be_visible()


def cards(page: Page) -> Locator:
    """The numbers on the cards that are shown."""
    return page.locator(".card-text:visible")


def is_deleted(prediction: Prediction) -> bool:
    return not Prediction.objects.filter(pk=prediction.pk).exists()


def selected(page: Page, *names: str) -> None:
    for name in names:
        page.get_by_label(f"Select {name}", exact=True).check()


UNDO = "{} deleted. Undo"


def test_deletion_is_final_after_the_undo_time(history: Page, kept: list[Prediction]) -> None:
    history.clock.install()
    numbers(history).get_by_text("7", exact=True).click()
    history.get_by_role("button", name="Delete this prediction").click()
    expect(history.locator(".undo")).to_have_text(UNDO.format("1 prediction"))
    expect(cards(history)).to_have_text(["5", "3"])
    assert not is_deleted(kept[1])
    with history.expect_response("**/history/selected/"):
        history.clock.run_for(10_000)
    assert is_deleted(kept[1])
    history.reload()
    expect(cards(history)).to_have_text(["5", "3"])


def test_several_are_selected_by_keys_and_deleted(history: Page, kept: list[Prediction]) -> None:
    history.get_by_label("Select 5").focus()
    history.keyboard.press("Space")
    history.get_by_label("Select 3").focus()
    history.keyboard.press("Space")
    expect(history.get_by_text("2 selected")).to_be_visible()
    history.keyboard.press("Delete")
    expect(history.locator(".undo")).to_have_text(UNDO.format("2 predictions"))
    expect(history.get_by_role("button", name="Undo")).to_be_focused()
    expect(cards(history)).to_have_text(["7"])
    history.goto("/about/")
    wait_until(lambda: [is_deleted(prediction) for prediction in kept] == [True, False, True], 20)
    history.goto("/history/")
    expect(cards(history)).to_have_text(["7"])


def test_undone_deletion_deletes_nothing(history: Page, kept: list[Prediction]) -> None:
    history.clock.install()
    selected(history, "7")
    history.get_by_role("button", name="Delete", exact=True).click()
    expect(cards(history)).to_have_text(["5", "3"])
    history.get_by_role("button", name="Undo").click()
    expect(cards(history)).to_have_text(["5", "7", "3"])
    history.clock.run_for(20_000)
    history.reload()
    expect(cards(history)).to_have_text(["5", "7", "3"])
    assert not is_deleted(kept[1])


def test_failed_deletion_shows_the_pictures_again(history: Page, complaints: Complaints) -> None:
    complaints.expect("net::ERR_FAILED")
    history.route("**/history/selected/", lambda route: route.abort())
    history.clock.install()
    selected(history, "7")
    history.get_by_role("button", name="Delete", exact=True).click()
    history.clock.run_for(10_000)
    expect(history.locator(".undo")).to_contain_text("Not deleted.")
    expect(cards(history)).to_have_text(["5", "7", "3"])


def test_file_names_are_shown_and_exported(history: Page, kept: list[Prediction]) -> None:
    expect(history.locator(".card-file")).to_have_text(["three.png"])
    selected(history, "3", "5")
    with history.expect_download() as table:
        history.get_by_role("button", name="Download as CSV").click()
    with table.value.path().open(encoding="utf-8-sig", newline="") as file:
        assert [row["filename"] for row in csv.DictReader(file)] == ["", "three.png"]
    history.goto(kept[0].get_absolute_url())
    expect(history.locator(".filename")).to_have_text("three.png")


def test_box_to_select_a_card_does_not_cover_its_picture(history: Page) -> None:
    card = history.locator(".pictures > li").first
    picture, box = card.locator(".picture").bounding_box(), card.get_by_role("checkbox").bounding_box()
    assert picture is not None
    assert box is not None
    assert box["y"] >= picture["y"] + picture["height"]


def test_all_on_a_page_are_selected_and_downloaded(history: Page, kept: list[Prediction]) -> None:
    history.get_by_label("Select all on this page").check()
    history.get_by_label("Select 5").uncheck()
    expect(history.get_by_text("2 selected")).to_be_visible()
    with history.expect_download() as table:
        history.get_by_role("button", name="Download as CSV").click()
    with table.value.path().open(encoding="utf-8-sig", newline="") as file:
        assert [row["text"] for row in csv.DictReader(file)] == ["7", "3"]
    with history.expect_download() as pictures:
        history.get_by_role("button", name="Download pictures").click()
    with zipfile.ZipFile(pictures.value.path()) as packed:
        labels = json.loads(packed.read("labels.json"))
    assert [label["text"] for label in labels.values()] == ["7", "3"]
    history.keyboard.press("Escape")
    expect(history.get_by_role("button", name="Download as CSV")).to_be_hidden()


PHONE = {"viewport": {"width": 390, "height": 664}, "has_touch": True, "is_mobile": True}
TOP = "(card) => card.getBoundingClientRect().top + scrollY"
HEIGHT = "(bar) => bar.getBoundingClientRect().height"


@pytest.fixture
def phone(open_page: OpenPage, kept: list[Prediction], user: Any) -> Page:
    page = open_page(**PHONE)
    log_in(page, user)
    page.goto("/history/")
    return page


def test_selecting_on_a_phone_moves_nothing(phone: Page) -> None:
    bar = phone.locator(".selection")
    card = phone.locator(".card").first
    before = card.evaluate(TOP)
    assert bar.evaluate(HEIGHT) <= 60
    tap(phone.get_by_label("Select 5"))
    expect(phone.get_by_text("1 selected")).to_be_in_viewport()
    assert card.evaluate(TOP) == before
    for name in ("Download as CSV", "Download pictures", "Delete"):
        expect(phone.get_by_role("button", name=name, exact=True)).to_be_in_viewport(ratio=1)
    assert phone.locator(".selection .actions").evaluate(HEIGHT) <= 70


def test_selection_bar_does_not_hide_the_footer(phone: Page) -> None:
    tap(phone.get_by_label("Select 5"))
    phone.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    last = phone.locator(".languages button").last.bounding_box()
    bar = phone.locator(".selection .actions").bounding_box()
    assert last is not None
    assert bar is not None
    assert last["y"] + last["height"] <= bar["y"]


def test_undo_is_clickable_above_the_selection_bar(phone: Page) -> None:
    tap(phone.get_by_label("Select 5"))
    tap(phone.get_by_role("button", name="Delete", exact=True))
    tap(phone.get_by_label("Select 3"))
    tap(phone.get_by_role("button", name="Undo"))
    expect(cards(phone)).to_have_text(["5", "7", "3"])


def test_number_is_corrected_on_its_card(history: Page, kept: list[Prediction]) -> None:
    history.evaluate("window.stays = true")
    five = history.locator(f"#prediction-{kept[2].pk}")
    five.get_by_text("Not right?").click()
    field = five.get_by_label("The right number")
    expect(field).to_be_focused()
    expect(field).to_have_value("5")
    history.keyboard.press("End")
    history.keyboard.type("4")
    history.keyboard.press("Enter")
    expect(five.locator(".badge")).to_have_text("awaiting review: 54")
    expect(five.get_by_text("Not right?")).to_be_focused()
    expect(five.locator(".card-right")).to_have_count(0)
    five.get_by_text("Not right?").click()
    expect(field).to_have_value("54")
    assert kept[2].corrections.get().text == "54"
    assert history.evaluate("window.stays"), "the page was loaded anew"


def test_reading_is_confirmed_on_its_card_with_one_click(history: Page, kept: list[Prediction]) -> None:
    history.evaluate("window.stays = true")
    three = history.locator(f"#prediction-{kept[0].pk}")
    three.locator(".card-right button").click()
    expect(three.locator(".badge")).to_have_text("right")
    expect(three.locator(".card-right")).to_have_count(0)
    assert kept[0].corrections.get().state == "confirmed"
    assert history.evaluate("window.stays"), "the page was loaded anew"


def test_invalid_correction_is_not_sent(history: Page, kept: list[Prediction]) -> None:
    five = history.locator(f"#prediction-{kept[2].pk}")
    five.get_by_text("Not right?").click()
    field = five.get_by_label("The right number")
    field.fill("five")
    history.keyboard.press("Enter")
    assert "Digits only" in field.evaluate("(field) => field.validationMessage")
    assert not kept[2].corrections.exists()
    five.get_by_role("button", name="No number").click()
    expect(five.locator(".badge")).to_have_text("awaiting review: no number")


def test_correction_form_scrolls_into_view(open_page: OpenPage, kept: list[Prediction], user: Any) -> None:
    page = open_page(viewport={"width": 1366, "height": 500})
    log_in(page, user)
    page.goto("/history/")
    card = page.locator(f"#prediction-{kept[0].pk}")
    card.get_by_text("Not right?").scroll_into_view_if_needed()
    card.get_by_text("Not right?").click()
    expect(card.get_by_role("button", name="No number")).to_be_in_viewport(ratio=1)


@pytest.mark.essential
def test_history_is_deleted_after_confirmation(history: Page, kept: list[Prediction]) -> None:
    history.get_by_role("link", name="Delete your history").click()
    history.get_by_role("link", name="Keep it").click()
    expect(numbers(history)).to_have_count(3)
    history.get_by_role("link", name="Delete your history").click()
    history.get_by_role("button", name="Delete everything").click()
    expect(history.get_by_text("No pictures yet.")).to_be_visible()
    assert all(is_deleted(prediction) for prediction in kept)
