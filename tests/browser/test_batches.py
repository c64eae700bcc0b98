"""Many pictures on their way in, and their results on the way out."""

import csv
import threading
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from batches import tasks
from batches.models import Batch
from batches.readings import read_waiting
from tests.batches.zips import zip_of

from .conftest import Complaints, log_in


@pytest.fixture(autouse=True)
def no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the reading to the test."""
    monkeypatch.setattr(tasks.read_batches, "delay", lambda: None)


def choose(page: Page, content: bytes) -> None:
    page.locator("#archive").set_input_files({"name": "many.zip", "mimeType": "application/zip", "buffer": content})


def test_a_zip_is_sent_followed_and_taken_along(
    page: Page, user: User, mnist_pictures: dict[int, bytes], tmp_path: Path
) -> None:
    log_in(page, user)
    page.goto("/batches/")
    choose(page, zip_of({f"{digit}.png": picture for digit, picture in mnist_pictures.items()} | {"notes.txt": b"no"}))
    expect(page.get_by_role("heading", level=1)).to_have_text("many.zip")
    expect(page.get_by_role("status")).to_have_text("11 pictures wait for a worker")
    read_waiting(threading.Event())
    expect(page.get_by_role("status")).to_have_text("11 of 11 done, 1 of them without a number")
    expect(page.get_by_role("progressbar")).to_have_count(0)
    expect(page.locator(".items li").first).to_contain_text("0")
    with page.expect_download() as download:
        page.get_by_role("link", name="Results as CSV").click()
    download.value.save_as(tmp_path / "results.csv")
    with (tmp_path / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["text"] for row in rows] == [*"0123456789", ""]
    page.get_by_role("button", name="Erase this batch").click()
    expect(page.get_by_text("None yet.")).to_be_visible()
    assert not Batch.objects.exists()


def test_many_pictures_are_chosen_and_cancelled(page: Page, user: User, mnist_pictures: dict[int, bytes]) -> None:
    log_in(page, user)
    page.goto("/batches/")
    files = [
        {"name": f"{digit}.png", "mimeType": "image/png", "buffer": picture}
        for digit, picture in mnist_pictures.items()
    ]
    page.locator("#images").set_input_files(files)  # type: ignore[arg-type]  # these are what it takes
    expect(page.get_by_role("progressbar")).to_have_attribute("value", "0")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".state")).to_have_text("Cancelled")
    page.get_by_role("link", name="All batches").click()
    expect(page.locator(".batches li")).to_contain_text("Cancelled", ignore_case=True)


def test_a_zip_that_is_refused_says_why_and_another_can_be_sent(
    page: Page, user: User, mnist_pictures: dict[int, bytes], complaints: Complaints
) -> None:
    complaints.expect("status of 400")
    log_in(page, user)
    page.goto("/batches/")
    choose(page, zip_of({"a.zip": b"x"}))
    expect(page.get_by_role("status")).to_contain_text("is an archive itself")
    choose(page, zip_of({"a.png": mnist_pictures[3]}))
    expect(page.get_by_role("heading", level=1)).to_have_text("many.zip")
