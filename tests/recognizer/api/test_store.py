"""POST /api/v1/predictions/ and …/preview/: read, store, refuse."""

import base64
import json
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from keys.models import Key
from recognizer.models import Prediction
from recognizer.reading import Reason
from tests.factories import encoded, image_of, post_json, user_client
from tests.fakes import FakeReader

STORE, PREVIEW = "/api/v1/predictions/", "/api/v1/predictions/preview/"
BOTH = pytest.mark.parametrize("path", [STORE, PREVIEW])
FACTS = {
    "id",
    "text",
    "confidence",
    "sure",
    "ignored",
    "digits",
    "source",
    "model_version",
    "image",
    "filename",
    "created_at",
    "correction",
}

pytestmark = pytest.mark.django_db


def upload(content: bytes, name: str = "digits.png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, content_type="image/png")


def data_url(content: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def assert_refused(response: Any, status: int, code: str) -> None:
    assert (response.status_code, response["Content-Type"]) == (status, "application/json")
    assert response.json()["code"] == code
    assert not Prediction.objects.exists()


def test_multipart_picture_is_read_and_stored(client: Client, reader: FakeReader, picture: bytes) -> None:
    response = client.post(STORE, {"image": upload(picture)})
    assert response.status_code == 201
    body = response.json()
    assert set(body) == FACTS
    assert (body["text"], body["source"], body["model_version"]) == ("42", "api", "test version")
    assert [digit["label"] for digit in body["digits"]] == [4, 2]
    assert set(body["digits"][0]) == {"label", "confidence", "box", "probabilities", "line"}
    assert len(body["digits"][0]["probabilities"]) == 10
    assert body["correction"] is None
    stored = Prediction.objects.get(pk=body["id"])
    assert (stored.text, stored.width, stored.height) == ("42", 120, 60)
    assert body["image"].endswith(f"/api/v1/predictions/{stored.pk}/image/")
    assert response["Location"].endswith(f"/api/v1/predictions/{stored.pk}/")


def test_storing_call_needs_few_queries(
    user: Any, reader: FakeReader, picture: bytes, django_assert_num_queries: Any
) -> None:
    program = Client(headers={"Authorization": f"Token {Key.objects.issue(user)[1]}"})
    program.post(STORE, {"image": upload(picture)})  # The first one of an owner starts their quota.
    # The token; the owner's usage; savepoint; the row; the new usage; release of the savepoint.
    with django_assert_num_queries(6):
        assert program.post(STORE, {"image": upload(picture)}).status_code == 201


def test_data_url_is_read_and_stored(client: Client, reader: FakeReader, picture: bytes) -> None:
    response = post_json(client, STORE, {"image": data_url(picture), "source": "draw"})
    assert response.status_code == 201
    assert response.json()["source"] == Prediction.objects.get().source == "draw"


@pytest.mark.parametrize(
    ("source", "sent", "kept"),
    [
        ("upload", "Seite 1.PNG", "Seite 1.PNG"),
        ("upload", "../../etc/a.png", "a.png"),
        ("upload", f"{'x' * 300}.png", f"{'x' * 251}.png"),
        ("draw", "drawing.png", ""),
    ],
)
def test_file_name_is_stored(reader: FakeReader, picture: bytes, source: str, sent: str, kept: str) -> None:
    file = SimpleUploadedFile("a.png", picture)
    file._name = sent  # type: ignore[attr-defined]  # as a client sends it
    answer = Client().post(STORE, {"image": file, "source": source})
    assert answer.json()["filename"] == kept == Prediction.objects.get(pk=answer.json()["id"]).filename


def test_preview_answers_the_same_and_stores_nothing(
    client: Client, reader: FakeReader, picture: bytes, media: Path
) -> None:
    response = client.post(PREVIEW, {"image": upload(picture)})
    assert response.status_code == 200
    body = response.json()
    assert set(body) == FACTS
    assert body["text"] == "42"
    assert [body[name] for name in ("id", "image", "created_at", "correction")] == [None] * 4
    assert not Prediction.objects.exists()
    assert files_in(media) == []
    assert not client.cookies


def test_storing_a_picture_sets_the_visitor_cookie(reader: FakeReader, picture: bytes) -> None:
    client = Client(enforce_csrf_checks=True)
    body = client.post(STORE, {"image": upload(picture)}).json()
    assert set(client.cookies) == {"visitor", "csrftoken"}
    assert not Session.objects.exists()
    assert client.get(f"{STORE}{body['id']}/").status_code == 200


def test_second_call_of_a_visitor_needs_the_csrf_token(reader: FakeReader, picture: bytes) -> None:
    client = Client(enforce_csrf_checks=True)
    client.post(STORE, {"image": upload(picture)})
    assert client.post(STORE, {"image": upload(picture)}).status_code == 403
    token = client.cookies["csrftoken"].value
    again = client.post(STORE, {"image": upload(picture)}, headers={"X-CSRFToken": token})
    assert again.status_code == 201
    assert len(set(Prediction.objects.values_list("visitor", flat=True))) == 1


@pytest.mark.parametrize("page", ["/", "/upload/"])
def test_simultaneous_first_calls_give_one_visitor(reader: FakeReader, picture: bytes, page: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.get(page)
    cookies = {name: morsel.value for name, morsel in client.cookies.items()}
    assert not Session.objects.exists()
    for _ in range(3):
        # All are sent before any answer: with the cookies of the page only.
        racing = Client(enforce_csrf_checks=True)
        racing.cookies.load(cookies)
        answer = racing.post(STORE, {"image": upload(picture)}, headers={"X-CSRFToken": cookies["csrftoken"]})
        assert answer.status_code == 201
    assert len(set(Prediction.objects.values_list("visitor", flat=True))) == 1
    assert len(client.get(STORE).json()["results"]) == 3


@pytest.mark.parametrize("sent", ["a blank page", "nothing", "no key"])
def test_a_refused_call_leaves_no_session_and_no_cookie(reader: FakeReader, picture: bytes, sent: str) -> None:
    client = Client(enforce_csrf_checks=True)
    if sent == "a blank page":
        reader.reason = Reason.NO_INK
    body = {} if sent == "nothing" else {"image": upload(picture)}
    answer = client.post(STORE, body, headers={"Idempotency-Key": " "} if sent == "no key" else {})
    assert answer.status_code == 400
    assert not client.cookies
    assert not Session.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("key", [None, "a"])
@pytest.mark.parametrize("by", ["session", "token"])
def test_call_of_an_account_deleted_meanwhile_returns_401(
    reader: FakeReader, picture: bytes, user: Any, media: Path, monkeypatch: pytest.MonkeyPatch, key: str, by: str
) -> None:
    client = user_client(user)
    if by == "token":
        client = Client(headers={"Authorization": f"Bearer {Key.objects.issue(user)[1]}"})
    read = reader.read

    def delete_and_read(data: bytes, found: Any) -> Any:
        User.objects.all().delete()
        return read(data)

    monkeypatch.setattr(reader, "read", delete_and_read)
    headers = {"Idempotency-Key": key} if key else {}
    answer = client.post(STORE, {"image": upload(picture)}, headers=headers)
    assert_refused(answer, 401, "authentication_failed")
    assert answer["WWW-Authenticate"] == "Bearer"
    assert files_in(media) == []
    assert not Prediction.objects.exists()


def test_flag_on_a_deleted_prediction_returns_404(
    user: Any, make_prediction: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_prediction(owner=user)
    monkeypatch.setattr(Prediction, "flag", Mock(side_effect=Prediction.DoesNotExist))
    answer = post_json(user_client(user), f"{STORE}{made.pk}/flag/", {"text": "7"})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "header",
    [
        {"Origin": "https://elsewhere.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-origin"},
    ],
)
def test_browser_without_a_session_needs_a_csrf_token(
    reader: FakeReader, picture: bytes, header: dict[str, str]
) -> None:
    client = Client(enforce_csrf_checks=True)
    response = client.post(STORE, {"image": upload(picture)}, headers=header)
    assert_refused(response, 403, "permission_denied")


def test_csrf_token_in_a_form_field_is_accepted(reader: FakeReader, picture: bytes, user: Any) -> None:
    client = user_client(user, enforce_csrf_checks=True)
    client.get("/accounts/login/")
    client.cookies["csrftoken"] = "a" * 32
    fields = {"image": upload(picture), "csrfmiddlewaretoken": "a" * 32}
    assert client.post(STORE, fields).status_code == 201


def test_a_reading_of_a_user_belongs_to_the_user(reader: FakeReader, picture: bytes, user: Any) -> None:
    user_client(user).post(STORE, {"image": upload(picture)})
    assert Prediction.objects.get().owner == user


@pytest.mark.parametrize("in_file", [False, True])
def test_stored_picture_is_encoded_again(
    client: Client, reader: FakeReader, picture: bytes, in_file: bool, request: pytest.FixtureRequest
) -> None:
    if in_file:
        request.getfixturevalue("image_files")
    client.post(STORE, {"image": upload(picture + b"<script>alert(1)</script>", "../../x.html")})
    stored = Prediction.objects.get()
    assert (stored.image.name.endswith(".png"), stored.image_extension) == (in_file, "png")
    assert b"script" not in image_of(stored)


@BOTH
@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 400, "empty"),
        (b"GIF89a not taken here", 400, "unsupported_type"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 400, "unsupported_type"),
        (b"\x89PNG\r\n\x1a\n", 400, "unsupported_type"),
        (b"x" * (10 * 1024 * 1024 + 1), 413, "too_large"),
    ],
)
def test_bytes_that_are_not_a_picture_are_refused(
    client: Client, reader: FakeReader, path: str, content: bytes, status: int, code: str
) -> None:
    assert_refused(client.post(path, {"image": upload(content)}), status, code)


@BOTH
def test_a_picture_cut_short_is_refused(client: Client, reader: FakeReader, path: str, media: Path) -> None:
    whole = encoded(np.random.default_rng(0).integers(0, 255, (200, 200), np.uint8))
    response = client.post(path, {"image": upload(whole[: len(whole) // 2])})
    assert response.status_code == 400
    assert response.json()["code"] in ("truncated", "unreadable")
    assert files_in(media) == []
    assert not Prediction.objects.exists()


def test_too_many_pixels_are_refused_from_the_header(client: Client, reader: FakeReader) -> None:
    huge = encoded(np.zeros((5001, 5000), np.uint8))
    assert len(huge) < 100_000
    assert_refused(client.post(STORE, {"image": upload(huge)}), 413, "too_many_pixels")


@BOTH
@pytest.mark.parametrize("reason", [Reason.NO_INK, Reason.NOT_A_NUMBER])
def test_a_picture_without_a_number_is_refused_with_the_reason(
    client: Client, reader: FakeReader, path: str, picture: bytes, reason: Reason, media: Path
) -> None:
    reader.reason = reason
    response = client.post(path, {"image": upload(picture)})
    assert_refused(response, 400, reason.value)
    assert len(response.json()["detail"]) > 20
    assert files_in(media) == []
    assert not Prediction.objects.exists()


@BOTH
@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("", 400, "missing_image"),
        ("{", 400, "parse_error"),
        ("[]", 400, "parse_error"),
        ("null", 400, "parse_error"),
        ('"image"', 400, "parse_error"),
        (b"\xff\xfe", 400, "parse_error"),
        ("[" * 200_000, 400, "parse_error"),
        ('{"image": NaN}', 400, "parse_error"),
        ("{}", 400, "missing_image"),
        ('{"image": null}', 400, "missing_image"),
        ('{"image": ""}', 400, "missing_image"),
        ('{"image": 7}', 400, "invalid_base64"),
        ('{"image": ["data:image/png;base64,AAAA"]}', 400, "invalid_base64"),
        ('{"image": {"a": 1}}', 400, "invalid_base64"),
        ('{"image": "AAAA"}', 400, "invalid_base64"),
        ('{"image": "data:text/html;base64,AAAA"}', 400, "invalid_base64"),
        ('{"image": "data:image/png;base64,AA A"}', 400, "invalid_base64"),
        ('{"image": "data:image/png;base64,A"}', 400, "invalid_base64"),
        ('{"image": "data:image/png;base64,\\u00e9\\ud800"}', 400, "invalid_base64"),
        ('{"image": "data:image/png;base64,"}', 400, "empty"),
        ('{"image": "data:image/png;base64,AAAA"}', 400, "unsupported_type"),
        ('{"image": "data:image/png;base64,AAAA", "model": "x"}', 400, "unknown_field"),
        ('{"image": "data:image/png;base64,AAAA", "\\ud800": "x"}', 400, "unknown_field"),
        ('{"image": "data:image/png;base64,AAAA", "source": "post"}', 400, "invalid"),
        ('{"image": "data:image/png;base64,AAAA", "source": ["api"]}', 400, "invalid"),
        ('{"image": "data:image/png;base64,AAAA", "source": {"a": 1}}', 400, "invalid"),
        ('{"image": "data:image/png;base64,AAAA", "source": "\\ud800"}', 400, "invalid"),
    ],
)
def test_malformed_json_gets_an_explanation(
    client: Client, reader: FakeReader, path: str, body: str | bytes, status: int, code: str
) -> None:
    assert_refused(post_json(client, path, body), status, code)


@BOTH
@pytest.mark.parametrize(
    ("kind", "body", "status", "code"),
    [
        ("multipart/form-data", b"x", 400, "parse_error"),
        ("multipart/form-data; boundary=x", b"--y\r\n\r\n", 400, "missing_image"),
        ("multipart/form-data; boundary=" + "x" * 300, b"--x\r\n", 400, "parse_error"),
        ("application/x-www-form-urlencoded", b"image=1", 415, "unsupported_media_type"),
        ("text/plain", b"7", 415, "unsupported_media_type"),
        ("image/png", b"\x89PNG", 415, "unsupported_media_type"),
        ("application/json; charset=utf-16", b"{}", 400, "parse_error"),
        ("nonsense", b"{}", 415, "unsupported_media_type"),
    ],
)
@pytest.mark.parametrize("browser", [False, True])
def test_body_of_another_content_type_is_refused(
    reader: FakeReader,
    path: str,
    kind: str,
    body: bytes,
    status: int,
    code: str,
    browser: bool,
) -> None:
    client = Client(enforce_csrf_checks=True)
    headers = {}
    if browser:
        client.cookies["csrftoken"] = "a" * 32
        headers = {"Sec-Fetch-Site": "same-origin", "X-CSRFToken": "a" * 32}
    response = client.generic("POST", path, body, content_type=kind, headers=headers)
    assert_refused(response, status, code)


@BOTH
def test_unknown_field_is_refused(client: Client, reader: FakeReader, path: str, picture: bytes) -> None:
    response = client.post(path, {"image": upload(picture), "colour": "red"})
    assert_refused(response, 400, "unknown_field")


@BOTH
@pytest.mark.parametrize(("field", "code"), [("source", "invalid"), ("model_version", "unknown_version")])
def test_an_empty_field_of_a_form_is_refused(
    client: Client, reader: FakeReader, path: str, picture: bytes, field: str, code: str
) -> None:
    assert_refused(client.post(path, {"image": upload(picture), field: ""}), 400, code)


@BOTH
def test_two_images_at_once_are_refused(client: Client, reader: FakeReader, path: str, picture: bytes) -> None:
    response = client.post(path, {"image": [upload(picture), upload(picture)]})
    assert_refused(response, 400, "unknown_field")


@BOTH
def test_image_that_is_not_a_file_is_refused(client: Client, reader: FakeReader, path: str) -> None:
    assert_refused(client.post(path, {"image": "7"}), 400, "invalid_base64")


@BOTH
def test_a_form_of_a_thousand_fields_is_refused(client: Client, reader: FakeReader, path: str) -> None:
    response = client.post(path, {f"field{number}": "x" for number in range(1000)})
    assert response.status_code == 400
    assert response["Content-Type"] == "application/json"


@BOTH
@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x"])
def test_too_large_body_is_refused_unread(client: Client, reader: FakeReader, path: str, kind: str) -> None:
    response = client.generic("POST", path, b"", content_type=kind, CONTENT_LENGTH=str(2**40))
    assert_refused(response, 413, "too_large")


def test_picture_of_10_mb_fits_as_base64(client: Client, reader: FakeReader) -> None:
    body = {"image": data_url(b"\x00" * (10 * 1024 * 1024))}
    assert_refused(post_json(client, STORE, body), 400, "unsupported_type")


@BOTH
def test_call_without_a_version_returns_503(client: Client, no_reader: None, path: str, picture: bytes) -> None:
    response = client.post(path, {"image": upload(picture)})
    assert_refused(response, 503, "not_serving")
    assert int(response["Retry-After"]) > 0


@pytest.mark.parametrize("method", ["put", "patch", "delete", "trace"])
def test_other_methods_are_refused_as_json(client: Client, method: str) -> None:
    response = getattr(client, method)(STORE)
    assert response.status_code == 405
    assert response.json()["code"] == "method_not_allowed"


@pytest.mark.parametrize("accept", ["image/png", "text/html", "application/xml", "nonsense"])
def test_answer_is_json_for_any_accept_header(client: Client, reader: FakeReader, picture: bytes, accept: str) -> None:
    response = client.post(PREVIEW, {"image": upload(picture)}, headers={"Accept": accept})
    assert response.status_code == 200
    assert response.json()["text"] == "42"


def test_real_digits_are_read_correctly(client: Client, mnist_pictures: dict[int, bytes]) -> None:
    read = {
        digit: client.post(PREVIEW, {"image": upload(content)}).json()["text"]
        for digit, content in mnist_pictures.items()
    }
    assert read == {digit: str(digit) for digit in range(10)}


def test_stored_reading_equals_its_preview(client: Client, mnist_pictures: dict[int, bytes]) -> None:
    body = json.dumps({"image": data_url(mnist_pictures[7])})
    preview, stored = post_json(client, PREVIEW, body).json(), post_json(client, STORE, body).json()
    assert stored["text"] == "7"
    own = {"id", "image", "created_at"}
    assert {k: v for k, v in preview.items() if k not in own} == {k: v for k, v in stored.items() if k not in own}
