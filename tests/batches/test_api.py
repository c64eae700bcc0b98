"""Batches as programs see them."""

import csv
import io
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from batches import uploads
from batches.keeping import MOST_ACTIVE
from batches.models import Batch, Chunk, Item
from batches.readings import read_waiting
from batches.tasks import tidy
from recognizer.models import Prediction, Source
from tests.conftest import FakeReader, user_client

from .conftest import BATCHES
from .zips import bomb, encrypted, zip_of

pytestmark = pytest.mark.django_db(transaction=True)
Send = Callable[..., Any]


def read() -> None:
    read_waiting(threading.Event())


def results(client: Client, batch: int, kind: str = "jsonl") -> str:
    return b"".join(client.get(f"{BATCHES}{batch}/results/?as={kind}")).decode()


def files_of(media: Path) -> set[str]:
    return {path.relative_to(media).parts[0] for path in media.rglob("*") if path.is_file()} - {"versions"}


def test_a_zip_is_taken_read_and_told_in_the_order_given(
    api: Client, send: Send, told: list[int], user: User, picture: bytes, blank: bytes, media: Path
) -> None:
    answer = send(api, {"b.png": picture, "a.png": blank, "c.txt": b"no picture", "d.png": picture})
    assert answer.status_code == 202
    batch = answer.json()
    assert (batch["state"], batch["total"], batch["read"], batch["name"]) == ("queued", 4, 0, "many.zip")
    assert answer["Location"] == f"http://testserver{BATCHES}{batch['id']}/"
    assert told, "the workers are told"
    read()
    done = api.get(answer["Location"]).json()
    assert (done["state"], done["read"], done["refused"]) == ("done", 3, 1)
    lines = [json.loads(line) for line in results(api, batch["id"]).splitlines()]
    assert [(line["number"], line["file"], line["text"], line["reason"]) for line in lines] == [
        (1, "b.png", "42", None),
        (2, "a.png", "42", None),
        (3, "c.txt", "", "unsupported_type"),
        (4, "d.png", "42", None),
    ]
    stored = Prediction.objects.get(pk=lines[0]["prediction"])
    assert (stored.owner, stored.source, stored.text) == (user, Source.API, "42")
    assert files_of(media) == {"predictions"}, "what was sent goes once it is read"


def test_results_are_a_table_too_which_no_spreadsheet_takes_for_formulas(
    api: Client, send: Send, picture: bytes
) -> None:
    batch = send(api, {"=1+1.png": picture, "b.png": b"no picture"}).json()["id"]
    read()
    rows = list(csv.DictReader(io.StringIO(results(api, batch, "csv"))))
    assert [(row["file"], row["text"], row["reason"]) for row in rows] == [
        ("'=1+1.png", "42", ""),
        ("b.png", "", "unsupported_type"),
    ]


def test_many_files_are_a_batch_too(api: Client, send: Send, picture: bytes) -> None:
    files = [SimpleUploadedFile(f"{number}.png", picture) for number in (2, 1, 10)]
    answer = api.post(BATCHES, {"images": files})
    assert answer.status_code == 202, answer.json()
    read()
    lines = [json.loads(line) for line in results(api, answer.json()["id"]).splitlines()]
    assert [line["file"] for line in lines] == ["2.png", "1.png", "10.png"]


@pytest.mark.parametrize(
    ("files", "status", "code"),
    [
        (b"no zip", 400, "not_a_zip"),
        ({"../a.png": b"a"}, 400, "unsafe_name"),
        ({"a.zip": b"a"}, 400, "nested_archive"),
        ({"a.png": b"a", "b.png": zip_of({"c.png": b"c"})}, 400, "nested_archive"),
        (encrypted(zip_of({"a.png": b"a"})), 400, "encrypted"),
        ({}, 400, "empty_archive"),
        (bomb(1025), 413, "unpacks_too_large"),
    ],
)
def test_a_zip_that_is_not_read_is_refused_with_its_reason_and_nothing_is_kept(
    api: Client, send: Send, media: Path, files: Any, status: int, code: str
) -> None:
    answer = send(api, files)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not Batch.objects.exists()
    assert files_of(media) == set()


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({}, "missing_image"),
        ({"other": SimpleUploadedFile("a.png", b"a")}, "unknown_field"),
        ({"archive": SimpleUploadedFile("a.zip", b"a"), "images": SimpleUploadedFile("a.png", b"a")}, "unknown_field"),
        ({"images": [SimpleUploadedFile("a.png", b"a"), SimpleUploadedFile("a.png", b"b")]}, "duplicate_name"),
    ],
)
def test_a_form_that_is_none_is_told(api: Client, send: Send, form: Any, code: str) -> None:
    for file in [f for value in form.values() for f in (value if isinstance(value, list) else [value])]:
        file.seek(0)
    answer = api.post(BATCHES, form)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


@pytest.mark.parametrize("kind", ["application/json", "application/zip", "multipart/form-data", "text/plain", ""])
def test_whatever_body_comes_gets_an_answer(api: Client, send: Send, kind: str) -> None:
    answer = api.generic("POST", BATCHES, b"\0\xffPK--", content_type=kind)
    assert answer.status_code in (400, 415)
    assert answer.json()["code"]


def test_a_batch_that_breaks_off_is_none(api: Client, send: Send, picture: bytes) -> None:
    head = b'--x\r\nContent-Disposition: form-data; name="images"; filename="a.png"\r\n\r\n'
    whole = head + picture + b"\r\n--x--\r\n"
    for length in (0, 20, len(head) + 50, len(whole) - 1):
        cut: Any = {"wsgi.input": io.BytesIO(whole[:length]), "CONTENT_LENGTH": len(whole)}
        answer = api.generic("POST", BATCHES, b"", CONTENT_TYPE="multipart/form-data; boundary=x", **cut)
        assert (answer.status_code, answer.json()["code"]) == (400, "parse_error")
    assert not Batch.objects.exists()


def test_a_whole_body_that_no_boundary_ends_is_none(api: Client, send: Send, picture: bytes) -> None:
    for field in ("images", "archive"):
        head = f'--x\r\nContent-Disposition: form-data; name="{field}"; filename="a.png"\r\n\r\n'
        answer = api.generic("POST", BATCHES, head.encode() + picture, content_type="multipart/form-data; boundary=x")
        assert (answer.status_code, answer.json()["code"]) == (400, "parse_error")
    assert not Batch.objects.exists()


def test_more_files_than_a_batch_has_are_refused(api: Client, send: Send, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 3
    answer = api.post(BATCHES, {"images": [SimpleUploadedFile(f"{number}.png", b"a") for number in range(4)]})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_many_images")


def test_a_full_disk_leaves_room_for_the_next_batch(
    api: Client, send: Send, picture: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:

        def fail(spool: uploads.Spool) -> None:
            spool.file.close()
            raise OSError(28, "No space left on device")

        patch.setattr(uploads.Spool, "finish", fail)
        patch.setattr(uploads.Spool, "close", fail)
        for _ in range(uploads.AT_ONCE + 1):
            assert send(api, {"a.png": picture}).json()["code"] == "not_stored"
    assert send(api, {"a.png": picture}).status_code == 202


def test_a_batch_over_a_gigabyte_is_refused_by_its_length(api: Client, db: None) -> None:
    kind = "multipart/form-data; boundary=x"
    answer = api.generic("POST", BATCHES, b"", content_type=kind, CONTENT_LENGTH=uploads.MOST_SENT + 1)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert "1 GB" in answer.json()["detail"]


def test_a_batch_that_grows_too_large_on_the_way_is_refused(
    api: Client, send: Send, picture: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "MOST_BYTES", 100)
    assert send(api, {"a.png": picture * 10}).json()["code"] == "too_large"


def test_a_user_has_few_batches_under_way(api: Client, send: Send, picture: bytes, other_user: User) -> None:
    for _ in range(MOST_ACTIVE):
        assert send(api, {"a.png": picture}).status_code == 202
    refused = send(api, {"a.png": picture})
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_batches")
    read()
    assert send(api, {"a.png": picture}).status_code == 202


def test_too_many_that_come_in_at_once_are_told_to_come_back(api: Client, send: Send, picture: bytes) -> None:
    for _ in range(uploads.AT_ONCE):
        assert uploads._room.acquire(blocking=False)
    try:
        answer = send(api, {"a.png": picture})
    finally:
        uploads._room.release(uploads.AT_ONCE)
    assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
    assert int(answer["Retry-After"]) > 0
    assert send(api, {"a.png": picture}).status_code == 202


def test_a_cancelled_batch_keeps_what_was_read_and_forgets_the_rest(
    api: Client, send: Send, picture: bytes, media: Path
) -> None:
    batch = send(api, {"a.png": picture}).json()["id"]
    read()
    assert api.post(f"{BATCHES}{batch}/cancel/").json()["state"] == "done", "what has ended stays as it is"
    batch = send(api, {"a.png": picture}).json()["id"]
    assert api.post(f"{BATCHES}{batch}/cancel/").json()["state"] == "cancelled"
    read()
    assert results(api, batch) == ""
    assert not Chunk.objects.exists()
    assert files_of(media) == {"predictions"}


def test_an_erased_batch_takes_all_that_was_read_of_it_along(
    api: Client, send: Send, picture: bytes, media: Path
) -> None:
    batch = send(api, {f"{number}.png": picture for number in range(3)}).json()["id"]
    read()
    assert Prediction.objects.count() == 3
    assert api.delete(f"{BATCHES}{batch}/").status_code == 204
    assert not Prediction.objects.exists()
    assert not Item.objects.exists()
    assert files_of(media) == set()


def test_a_prediction_that_is_erased_is_gone_from_the_results_too(api: Client, send: Send, picture: bytes) -> None:
    batch = send(api, {"a.png": picture}).json()["id"]
    read()
    assert api.delete(f"/api/v1/predictions/{Prediction.objects.get().pk}/").status_code == 204
    line = json.loads(results(api, batch))
    assert (line["text"], line["prediction"], line["reason"]) == ("", None, "erased")


def test_an_erased_account_takes_its_batches_along(api: Client, send: Send, user: User, picture: bytes) -> None:
    send(api, {"a.png": picture})
    user_client(user).post("/accounts/erase/", {"password": "a long pass phrase"})
    assert not Batch.objects.exists()
    read()
    assert not Prediction.objects.exists()
    tidy()


def test_a_session_needs_its_token_in_the_header_and_a_stranger_an_account(
    send: Send, user: User, picture: bytes, reader: FakeReader
) -> None:
    assert send(Client(), {"a.png": picture}).status_code == 401
    browser = user_client(user, enforce_csrf_checks=True)
    assert send(browser, {"a.png": picture}).status_code == 403
    browser.get("/batches/")
    token = browser.cookies["csrftoken"].value
    assert send(browser, {"a.png": picture}, headers={"X-CSRFToken": token, "X-Sent-By": "page"}).status_code == 202
    assert Batch.objects.get().source == Source.UPLOAD
