"""The API of batches."""

import csv
import io
import json
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from batches import lifecycle, uploads
from batches.intake import MAX_ACTIVE
from batches.models import Batch, Chunk, Item
from batches.tasks import tidy
from batches.worker import read_waiting
from recognizer.models import Prediction, Source
from tests.factories import user_client
from tests.fakes import FakeReader

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


def test_zip_is_read_and_listed_in_order(
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
    assert files_of(media) == set(), "what was sent goes once it is read"


def test_results_of_a_batch_do_not_load_images() -> None:
    assert "image_content" not in str(Item.objects.in_order().query)


def test_csv_results_are_safe_in_spreadsheets(api: Client, send: Send, picture: bytes) -> None:
    batch = send(api, {"=1+1.png": picture, "b.png": b"no picture"}).json()["id"]
    read()
    rows = list(csv.DictReader(io.StringIO(results(api, batch, "csv").removeprefix("\ufeff"))))
    assert [(row["file"], row["text"], row["reason"]) for row in rows] == [
        ("'=1+1.png", "42", ""),
        ("b.png", "", "unsupported_type"),
    ]


def test_many_files_are_accepted_as_a_batch(api: Client, send: Send, picture: bytes) -> None:
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
def test_refused_zip_gives_its_reason_and_stores_nothing(
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
def test_invalid_form_is_refused(api: Client, send: Send, form: Any, code: str) -> None:
    for file in [f for value in form.values() for f in (value if isinstance(value, list) else [value])]:
        file.seek(0)
    answer = api.post(BATCHES, form)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [("archive", "text", "invalid"), ("images", "text", "invalid"), ("name", "a", "unknown_field")],
)
def test_text_in_place_of_a_file_is_refused(api: Client, picture: bytes, field: str, value: str, code: str) -> None:
    file = SimpleUploadedFile("a.png", zip_of({"a.png": picture}))
    answer = api.post(BATCHES, {"archive" if field == "images" else "images": file, field: value})
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert not Batch.objects.exists()


@pytest.mark.parametrize("kind", ["application/json", "application/zip", "multipart/form-data", "text/plain", ""])
def test_any_body_gets_an_answer(api: Client, send: Send, kind: str) -> None:
    answer = api.generic("POST", BATCHES, b"\0\xffPK--", content_type=kind)
    assert answer.status_code in (400, 415)
    assert answer.json()["code"]


def test_batch_cut_short_is_not_stored(api: Client, send: Send, picture: bytes) -> None:
    head = b'--x\r\nContent-Disposition: form-data; name="images"; filename="a.png"\r\n\r\n'
    whole = head + picture + b"\r\n--x--\r\n"
    for length in (0, 20, len(head) + 50, len(whole) - 1):
        cut: Any = {"wsgi.input": io.BytesIO(whole[:length]), "CONTENT_LENGTH": len(whole)}
        answer = api.generic("POST", BATCHES, b"", CONTENT_TYPE="multipart/form-data; boundary=x", **cut)
        assert (answer.status_code, answer.json()["code"]) == (400, "parse_error")
    assert not Batch.objects.exists()


def test_body_without_final_boundary_is_refused(api: Client, send: Send, picture: bytes) -> None:
    for field in ("images", "archive"):
        head = f'--x\r\nContent-Disposition: form-data; name="{field}"; filename="a.png"\r\n\r\n'
        answer = api.generic("POST", BATCHES, head.encode() + picture, content_type="multipart/form-data; boundary=x")
        assert (answer.status_code, answer.json()["code"]) == (400, "parse_error")
    assert not Batch.objects.exists()


def test_more_files_than_a_batch_has_are_refused(api: Client, send: Send, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 3
    answer = api.post(BATCHES, {"images": [SimpleUploadedFile(f"{number}.png", b"a") for number in range(4)]})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_many_images")


def test_full_disk_during_an_upload_frees_its_slot(
    api: Client, send: Send, picture: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:

        def fail(spool: uploads.Spool) -> None:
            spool.file.close()
            raise OSError(28, "No space left on device")

        patch.setattr(uploads.Spool, "finish", fail)
        patch.setattr(uploads.Spool, "close", fail)
        for _ in range(uploads.MAX_CONCURRENCY + 1):
            assert send(api, {"a.png": picture}).json()["code"] == "not_stored"
    assert send(api, {"a.png": picture}).status_code == 202


def test_batch_over_1_gb_is_refused_by_its_length(api: Client, db: None) -> None:
    kind = "multipart/form-data; boundary=x"
    answer = api.generic("POST", BATCHES, b"", content_type=kind, CONTENT_LENGTH=uploads.MAX_REQUEST_BYTES + 1)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert "1 GB" in answer.json()["detail"]


def test_batch_growing_too_large_during_upload_is_refused(
    api: Client, send: Send, picture: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "MAX_ARCHIVE_BYTES", 100)
    assert send(api, {"a.png": picture * 10}).json()["code"] == "too_large"


def test_unfinished_batches_of_a_user_are_limited(api: Client, send: Send, picture: bytes, other_user: User) -> None:
    for _ in range(MAX_ACTIVE):
        assert send(api, {"a.png": picture}).status_code == 202
    refused = send(api, {"a.png": picture})
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_batches")
    read()
    assert send(api, {"a.png": picture}).status_code == 202


def test_too_many_uploads_at_once_get_retry_after(api: Client, send: Send, picture: bytes) -> None:
    for _ in range(uploads.MAX_CONCURRENCY):
        assert uploads._room.acquire(blocking=False)
    try:
        answer = send(api, {"a.png": picture})
    finally:
        uploads._room.release(uploads.MAX_CONCURRENCY)
    assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
    assert int(answer["Retry-After"]) > 0
    assert send(api, {"a.png": picture}).status_code == 202


def test_cancelled_batch_keeps_only_what_was_read(api: Client, send: Send, picture: bytes, media: Path) -> None:
    batch = send(api, {"a.png": picture}).json()["id"]
    read()
    assert api.post(f"{BATCHES}{batch}/cancel/").json()["state"] == "done", "what has ended stays as it is"
    batch = send(api, {"a.png": picture}).json()["id"]
    assert api.post(f"{BATCHES}{batch}/cancel/").json()["state"] == "cancelled"
    read()
    assert results(api, batch) == ""
    assert not Chunk.objects.exists()
    assert files_of(media) == set()
    assert Prediction.objects.count() == 1


@pytest.mark.usefixtures("image_files")
def test_deleted_batch_deletes_its_predictions(api: Client, send: Send, picture: bytes, media: Path) -> None:
    batch = send(api, {f"{number}.png": picture for number in range(3)}).json()["id"]
    read()
    assert Prediction.objects.count() == 3
    assert api.delete(f"{BATCHES}{batch}/").status_code == 204
    assert not Prediction.objects.exists()
    assert not Item.objects.exists()
    assert files_of(media) == set()


def test_batch_page_shows_failures_first_and_links_to_the_rest(
    api: Client, send: Send, user: User, picture: bytes
) -> None:
    batch = send(api, {"b.png": picture, "c.txt": b"no picture", "d.png": picture}).json()["id"]
    read()
    first, second = Prediction.objects.order_by("pk")
    assert [first.filename, second.filename] == ["b.png", "d.png"]
    Prediction.objects.filter(pk=second.pk).update(confidence=0.1)
    shown = user_client(user).get(f"/batches/{batch}/").content.decode()
    assert re.findall(r'class="name">([^<]*)<', shown) == ["c.txt", "d.png", "b.png"]
    assert f'href="/history/?batch={batch}"' in shown


def test_large_batch_is_deleted_by_a_worker(
    api: Client, send: Send, user: User, picture: bytes, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "MAX_AT_ONCE", 3)
    monkeypatch.setattr(lifecycle, "ERASE_CHUNK", 2)
    kept = send(api, {"a.png": picture}).json()["id"]
    batch = send(api, {f"{number}.png": picture for number in range(5)}).json()["id"]
    read()
    page = user_client(user)
    assert page.post(f"/batches/{batch}/erase/")["Location"] == f"/batches/{batch}/"
    assert Prediction.objects.count() == 6
    assert "5 pictures left to delete" in page.get(f"/batches/{batch}/").content.decode()
    assert api.get(f"{BATCHES}{batch}/").json()["state"] == "erasing"
    assert api.delete(f"{BATCHES}{batch}/").status_code == 204, "asked for twice it goes once"
    lifecycle._erase_part()
    assert api.get(f"{BATCHES}{batch}/").json()["words"] == "3 pictures left to delete"
    lifecycle.erase_waiting(threading.Event())
    assert [row.pk for row in Batch.objects.all()] == [kept]
    assert Prediction.objects.count() == Item.objects.count() == 1


def test_batch_deleted_while_queued_is_not_read(
    api: Client, send: Send, picture: bytes, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "MAX_AT_ONCE", 0)
    batch = send(api, {"a.png": picture}).json()["id"]
    api.delete(f"{BATCHES}{batch}/")
    read()
    assert not Prediction.objects.exists()
    lifecycle.erase_waiting(threading.Event())
    assert not Batch.objects.exists()
    assert files_of(media) == set()


def test_batches_of_a_closed_account_are_not_read(api: Client, send: Send, user: User, picture: bytes) -> None:
    send(api, {"a.png": picture})
    User.objects.update(is_active=False)
    read()
    assert not Prediction.objects.exists()


def test_batch_repeated_with_its_key_is_stored_once(
    api: Client, send: Send, picture: bytes, blank: bytes, media: Path
) -> None:
    again = {"Idempotency-Key": "monday"}
    files = {"a.png": picture, "b.png": picture}
    ids = {send(api, files, headers=again).json()["id"] for _ in range(MAX_ACTIVE + 1)}
    assert len(ids) == Batch.objects.count() == 1
    assert len(list(media.rglob("batches/**/*.zip"))) == Chunk.objects.count()
    other = send(api, {"a.png": blank}, headers=again)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    bad = send(api, files, headers={"Idempotency-Key": "two words"})
    assert (bad.status_code, bad.json()["code"]) == (400, "invalid_idempotency_key")
    assert send(api, files, headers={"Idempotency-Key": "tuesday"}).json()["id"] not in ids


def test_repeated_batch_ignores_the_limit_of_active_batches(api: Client, send: Send, picture: bytes) -> None:
    sent = [send(api, {"a.png": picture}, headers={"Idempotency-Key": str(n)}).json()["id"] for n in range(MAX_ACTIVE)]
    assert send(api, {"a.png": picture}).status_code == 429
    assert send(api, {"a.png": picture}, headers={"Idempotency-Key": "0"}).json()["id"] == sent[0]


def test_deleted_prediction_leaves_the_results(api: Client, send: Send, picture: bytes) -> None:
    batch = send(api, {"a.png": picture}).json()["id"]
    read()
    assert api.delete(f"/api/v1/predictions/{Prediction.objects.get().pk}/").status_code == 204
    line = json.loads(results(api, batch))
    assert (line["text"], line["prediction"], line["reason"]) == ("", None, "erased")


def test_deleted_account_deletes_its_batches(api: Client, send: Send, user: User, picture: bytes) -> None:
    send(api, {"a.png": picture})
    user_client(user).post("/accounts/erase/", {"password": "a long pass phrase"})
    assert not Batch.objects.exists()
    read()
    assert not Prediction.objects.exists()
    tidy()


def test_session_needs_csrf_header_and_stranger_an_account(
    send: Send, user: User, picture: bytes, reader: FakeReader
) -> None:
    assert send(Client(), {"a.png": picture}).status_code == 401
    browser = user_client(user, enforce_csrf_checks=True)
    assert send(browser, {"a.png": picture}).status_code == 403
    browser.get("/batches/")
    token = browser.cookies["csrftoken"].value
    assert send(browser, {"a.png": picture}, headers={"X-CSRFToken": token, "X-Sent-By": "page"}).status_code == 202
    assert Batch.objects.get().source == Source.UPLOAD
