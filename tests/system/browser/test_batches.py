"""Batches in the browser: upload, progress, results."""

import csv
import json
import threading
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, Route, expect

from batches import tasks
from batches.models import Batch
from batches.worker import read_waiting
from recognizer.models import Correction
from tests.batches.zips import zip_of

from .conftest import Complaints, log_in


@pytest.fixture(autouse=True)
def no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the test itself read the batch."""
    monkeypatch.setattr(tasks.read_batches, "delay", lambda: None)


def choose(page: Page, content: bytes) -> None:
    page.locator("#archive").set_input_files({"name": "many.zip", "mimeType": "application/zip", "buffer": content})


@pytest.mark.essential
def test_zip_is_sent_followed_and_downloaded(
    page: Page, user: User, mnist_pictures: dict[int, bytes], tmp_path: Path
) -> None:
    log_in(page, user)
    page.goto("/batches/")
    choose(page, zip_of({f"{digit}.png": picture for digit, picture in mnist_pictures.items()} | {"notes.txt": b"no"}))
    expect(page.get_by_role("heading", level=1)).to_have_text("many.zip")
    expect(page.get_by_role("status")).to_have_text("11 pictures queued")
    read_waiting(threading.Event())
    expect(page.get_by_role("status")).to_have_text("10 read, 1 failed")
    expect(page.get_by_role("progressbar")).to_have_count(0)
    expect(page.locator(".items li").first).to_contain_text("notes.txt")  # What failed comes first.
    with page.expect_download() as download:
        page.get_by_role("link", name="Results as CSV").click()
    download.value.save_as(tmp_path / "results.csv")
    with (tmp_path / "results.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["text"] for row in rows] == [*"0123456789", ""]
    page.get_by_text("Delete this batch…").click()
    page.get_by_role("button", name="Delete batch").click()
    expect(page.get_by_text("None yet.")).to_be_visible()
    assert not Batch.objects.exists()


def test_failures_come_first_with_their_reason_and_picture(
    page: Page, user: User, mnist_pictures: dict[int, bytes], blank: bytes
) -> None:
    log_in(page, user)
    page.goto("/")
    page.get_by_role("navigation", name="Site").get_by_role("link", name="Batches").click()
    choose(page, zip_of({"three.png": mnist_pictures[3], "nothing.png": blank}))
    expect(page.get_by_role("heading", level=1)).to_have_text("many.zip")
    read_waiting(threading.Event())
    failed = page.locator(".items li").first
    expect(failed).to_contain_text("nothing.png")
    expect(failed).to_contain_text("No ink")
    expect(failed.locator("img")).to_have_js_property("complete", True)
    assert failed.locator("img").evaluate("(image) => image.naturalWidth") == 40


def test_zip_chosen_before_the_script_has_loaded_is_sent(
    page: Page, user: User, mnist_pictures: dict[int, bytes]
) -> None:
    log_in(page, user)
    held: list[Route] = []
    page.route("**/batches*.js", lambda route: held.append(route))
    page.goto("/batches/", wait_until="commit")
    choose(page, zip_of({"three.png": mnist_pictures[3]}))
    page.wait_for_timeout(100)
    for route in held:
        route.continue_()
    expect(page.get_by_role("heading", level=1)).to_have_text("many.zip")


def test_labelled_pictures_are_imported_with_progress(
    page: Page, superuser: User, mnist_pictures: dict[int, bytes]
) -> None:
    log_in(page, superuser)
    page.goto("/admin/recognizer/correction/")
    page.get_by_role("link", name="Import labelled pictures").click()
    labels = {"a.png": {"text": "3"}, "b.png": {"text": "9", "writer": "w1"}}
    files = {"a.png": mnist_pictures[3], "b.png": mnist_pictures[4], "labels.json": json.dumps(labels).encode()}
    page.locator("#labelled").set_input_files(
        {"name": "labelled.zip", "mimeType": "application/zip", "buffer": zip_of(files)}
    )
    expect(page.get_by_role("heading", level=1)).to_have_text("labelled.zip")
    expect(page.get_by_role("progressbar")).to_have_attribute("max", "2")
    read_waiting(threading.Event())
    expect(page.get_by_role("status")).to_have_text("2 read")
    assert list(Correction.objects.approved().order_by("text").values_list("text", "writer")) == [
        ("3", ""),
        ("9", "w1"),
    ]


def test_many_pictures_are_chosen_and_cancelled(page: Page, user: User, mnist_pictures: dict[int, bytes]) -> None:
    log_in(page, user)
    page.goto("/batches/")
    files = [
        {"name": f"{digit}.png", "mimeType": "image/png", "buffer": picture}
        for digit, picture in mnist_pictures.items()
    ]
    page.locator("#images").set_input_files(files)  # type: ignore[arg-type]  # these are what it takes
    expect(page.get_by_role("progressbar")).to_have_attribute("value", "0")
    page.get_by_text("Cancel…").click()
    page.get_by_role("button", name="Stop reading").click()
    expect(page.locator(".state")).to_have_text("Cancelled")
    page.get_by_role("link", name="All batches").click()
    expect(page.locator(".batches li")).to_contain_text("Cancelled", ignore_case=True)


def test_batch_with_a_lost_answer_is_resent_and_stored_once(
    page: Page, user: User, mnist_pictures: dict[int, bytes], complaints: Complaints
) -> None:
    complaints.expect("net::ERR_FAILED")
    log_in(page, user)
    page.goto("/batches/")

    def lose_the_answer(route: Route) -> None:
        route.fetch()
        route.abort()

    page.route("**/api/v1/batches/", lose_the_answer, times=1)
    choose(page, zip_of({"a.png": mnist_pictures[3]}))
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("many.zip")
    assert Batch.objects.count() == 1


def test_refused_zip_shows_why_and_another_can_be_sent(
    page: Page, user: User, mnist_pictures: dict[int, bytes], complaints: Complaints
) -> None:
    complaints.expect("status of 400")
    log_in(page, user)
    page.goto("/batches/")
    choose(page, zip_of({"a.zip": b"x"}))
    expect(page.get_by_role("status")).to_contain_text("is an archive")
    choose(page, zip_of({"a.png": mnist_pictures[3]}))
    expect(page.get_by_role("heading", level=1)).to_have_text("many.zip")
