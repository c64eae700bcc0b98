"""Stored predictions: list, filters, pages, one prediction, its image, flag, deletion."""

import base64
import datetime
import io
import uuid
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image
from rest_framework.serializers import ModelSerializer

from recognizer.api.serializers import PredictionSerializer
from recognizer.models import Correction, Prediction
from recognizer.reading import encode_page
from tests.factories import grant, image_of, post_json, user_client, visitor_client
from tests.fakes import FakeReader

LIST = "/api/v1/predictions/"
Make = Callable[..., Prediction]

pytestmark = pytest.mark.django_db


@pytest.fixture
def visitor() -> uuid.UUID:
    return uuid.uuid4()


@pytest.fixture
def mine(visitor: uuid.UUID) -> Client:
    return visitor_client(visitor)


def ids(response: Any) -> list[int]:
    assert response.status_code == 200, response.content
    return [row["id"] for row in response.json()["results"]]


def test_list_has_own_predictions_newest_first(mine: Client, visitor: uuid.UUID, make_prediction: Make) -> None:
    make_prediction()
    own = [make_prediction(visitor=visitor).pk for _ in range(3)]
    assert ids(mine.get(LIST)) == own[::-1]


def test_list_is_empty_without_identity_or_session(client: Client, make_prediction: Make) -> None:
    make_prediction()
    response = client.get(LIST)
    assert ids(response) == []
    assert not response.cookies


def test_staff_with_the_permission_see_everybodys(staff: Any, make_prediction: Make) -> None:
    theirs = make_prediction()
    assert ids(user_client(grant(staff, "view_prediction")).get(LIST)) == [theirs.pk]


def test_fast_serializer_equals_the_declared_fields(make_prediction: Make) -> None:
    prediction = make_prediction()
    prediction.flag("3")
    serializer = PredictionSerializer(prediction)
    assert serializer.data == ModelSerializer.to_representation(serializer, prediction)


def test_api_pages_list_each_prediction_once(mine: Client, visitor: uuid.UUID, make_prediction: Make) -> None:
    own = [make_prediction(visitor=visitor).pk for _ in range(5)]
    seen, path = [], f"{LIST}?page_size=2"
    while path:
        page = mine.get(path)
        seen += ids(page)
        path = page.json()["next"]
    assert seen == own[::-1]


def test_new_row_does_not_shift_later_pages(mine: Client, visitor: uuid.UUID, make_prediction: Make) -> None:
    own = [make_prediction(visitor=visitor).pk for _ in range(4)]
    following = mine.get(f"{LIST}?page_size=2").json()["next"]
    make_prediction(visitor=visitor)
    assert ids(mine.get(following)) == own[1::-1]


def test_list_needs_the_same_queries_at_any_length(
    mine: Client,
    visitor: uuid.UUID,
    make_prediction: Make,
    django_assert_num_queries: Any,
) -> None:
    for _ in range(8):
        make_prediction(visitor=visitor).flag("7")
    with django_assert_num_queries(2):  # the page, its corrections
        mine.get(LIST)


FORGED = [b"p=\x00", b"p=abc", b"p=" + b"9" * 30, b"p=-1", b"o=99999999999", b"r=1&p=", b"\xff"]


@pytest.mark.parametrize("cursor", [base64.b64encode(forged).decode() for forged in FORGED])
def test_forged_cursor_returns_a_json_error(mine: Client, cursor: str) -> None:
    response = mine.get(LIST, {"cursor": cursor})
    assert response.status_code in (200, 404)
    assert response["Content-Type"] == "application/json"


@pytest.mark.parametrize("cursor", ["%00", "é", "x" * 5000])
def test_invalid_cursor_is_404(mine: Client, cursor: str) -> None:
    response = mine.get(LIST, {"cursor": cursor})
    assert response.status_code == 404
    assert response.json()["code"] == "not_found"


@pytest.mark.parametrize("size", ["0", "-1", "101", "ten", "1" * 5000, "٢", ""])
def test_page_size_out_of_range_is_refused(mine: Client, size: str) -> None:
    response = mine.get(LIST, {"page_size": size})
    assert (response.status_code, response.json()["code"]) == (400, "invalid")
    assert "from 1 to 100" in response.json()["page_size"][0]


def test_the_list_is_filtered_by_source(mine: Client, visitor: uuid.UUID, make_prediction: Make) -> None:
    make_prediction(visitor=visitor, source="upload")
    drawn = make_prediction(visitor=visitor, source="draw")
    assert ids(mine.get(LIST, {"source": "draw"})) == [drawn.pk]


def test_the_list_is_filtered_by_digit(mine: Client, visitor: uuid.UUID, make_prediction: Make) -> None:
    make_prediction("12", visitor=visitor)
    found = make_prediction("1\n37", visitor=visitor)
    assert ids(mine.get(LIST, {"digit": "7"})) == [found.pk]


def test_the_list_is_filtered_by_flag(mine: Client, visitor: uuid.UUID, make_prediction: Make) -> None:
    plain = make_prediction(visitor=visitor)
    flagged = make_prediction(visitor=visitor)
    flagged.flag("7")
    assert ids(mine.get(LIST, {"flagged": "true"})) == [flagged.pk]
    assert ids(mine.get(LIST, {"flagged": "false"})) == [plain.pk]


def test_the_list_is_filtered_by_date_both_days_included(
    mine: Client, visitor: uuid.UUID, make_prediction: Make
) -> None:
    first, second, _ = (
        make_prediction(visitor=visitor, created_at=datetime.datetime(2026, 3, day, 23, 59, tzinfo=datetime.UTC)).pk
        for day in (1, 2, 3)
    )
    asked = {"date_from": "2026-03-01", "date_to": "2026-03-02"}
    assert ids(mine.get(LIST, asked)) == [second, first]


@pytest.mark.parametrize(
    "query",
    [
        {"colour": "red"},
        {"owner": "1"},
        {"visitor": str(uuid.uuid4())},
        {"text__contains": "4"},
        {"source": "post"},
        {"source": "\x00"},
        {"source": ""},
        {"date_to": ""},
        {"flagged": "maybe"},
        {"digit": "10"},
        {"digit": "x"},
        {"date_from": "yesterday"},
        {"date_to": "0000-00-00"},
        {"date_to": "2026-02-30"},
        {"date_from": "2026-03-01T10:00:00"},
        {"date_to": "2026-03-01 10:00"},
        {"date_from": "10:00"},
        {"date_from": "2026-03-02", "date_to": "2026-03-01"},
    ],
)
def test_unknown_filter_is_refused(mine: Client, query: dict[str, str]) -> None:
    response = mine.get(LIST, query)
    assert response.status_code == 400
    assert response.json()["code"] == "invalid"
    assert next(iter(query)) in response.json()


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_first_and_last_possible_day_can_be_filtered(mine: Client, day: str) -> None:
    assert ids(mine.get(LIST, {"date_from": day, "date_to": day})) == []


def test_the_list_is_filtered_by_time_with_its_zone(mine: Client, visitor: uuid.UUID, make_prediction: Make) -> None:
    first, second = (
        make_prediction(visitor=visitor, created_at=datetime.datetime(2026, 3, 1, hour, tzinfo=datetime.UTC)).pk
        for hour in (9, 11)
    )
    assert ids(mine.get(LIST, {"date_from": "2026-03-01T11:30:00+01:00"})) == [second]
    assert ids(mine.get(LIST, {"date_to": "2026-03-01T10:00:00Z"})) == [first]


def test_stored_prediction_is_returned_by_id(mine: Client, visitor: uuid.UUID, make_prediction: Make) -> None:
    own = make_prediction("1\n2", visitor=visitor)
    body = mine.get(f"{LIST}{own.pk}/").json()
    assert (body["id"], body["text"]) == (own.pk, "1\n2")
    assert [digit["line"] for digit in body["digits"]] == [0, 1]


@pytest.mark.parametrize("number", ["0", "9" * 18, "9" * 19, "9" * 5000, "-1", "x", "1.0"])
def test_missing_prediction_returns_404(mine: Client, number: str) -> None:
    for path in (f"{LIST}{number}/", f"{LIST}{number}/image/"):
        response = mine.get(path)
        assert response.status_code == 404
        assert response.json()["code"] == "not_found"


def test_image_is_served_private_and_as_an_image(mine: Client, visitor: uuid.UUID, make_prediction: Make) -> None:
    own = make_prediction(visitor=visitor)
    response = mine.get(f"{LIST}{own.pk}/image/")
    assert response["Content-Type"] == "image/png"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Disposition"].startswith("inline; filename=")
    assert "private" in response["Cache-Control"]
    assert "default-src 'none'" in response["Content-Security-Policy"]
    with Image.open(io.BytesIO(response.content)) as image:
        assert image.size == (120, 60)


def test_a_picture_stored_as_webp_has_a_thumbnail(mine: Client, reader: FakeReader) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (400, 400)).astype(np.uint8)
    sent = io.BytesIO()
    Image.fromarray(noise).save(sent, "WEBP", quality=1)
    stored = mine.post(LIST, {"image": SimpleUploadedFile("a.webp", sent.getvalue())}).json()["id"]
    assert Prediction.objects.get(pk=stored).image.name.endswith(".webp")
    assert mine.get(f"{LIST}{stored}/image/?size=thumb").status_code == 200


@pytest.mark.usefixtures("image_files")
def test_a_thumbnail_is_no_larger_than_320_pixels(mine: Client, visitor: uuid.UUID, make_prediction: Make) -> None:
    own = make_prediction(visitor=visitor)
    with default_storage.open(own.image.name, "wb") as file:
        Image.new("L", (1000, 500)).save(file, "PNG")
    response = mine.get(f"{LIST}{own.pk}/image/?size=thumb")
    with Image.open(io.BytesIO(response.content)) as image:
        assert image.size == (320, 160)
    assert mine.get(f"{LIST}{own.pk}/image/?size=huge").json()["code"] == "invalid"


@pytest.mark.usefixtures("image_files")
def test_missing_image_returns_404(mine: Client, visitor: uuid.UUID, make_prediction: Make) -> None:
    own = make_prediction(visitor=visitor)
    default_storage.delete(own.image.name)
    for query in ("", "?size=thumb"):
        response = mine.get(f"{LIST}{own.pk}/image/{query}")
        assert response.status_code == 404
        assert response.json()["code"] == "not_found"


def test_history_works_without_a_loadable_version(
    mine: Client, visitor: uuid.UUID, make_prediction: Make, no_reader: None
) -> None:
    own = make_prediction(visitor=visitor)
    default_storage.delete(own.model_version.litert_file.name)
    assert ids(mine.get(LIST)) == [own.pk]
    assert mine.get(f"{LIST}{own.pk}/image/").status_code == 200


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("image_files")
def test_deleted_prediction_deletes_its_image(mine: Client, visitor: uuid.UUID, make_prediction: Make) -> None:
    own = make_prediction(visitor=visitor)
    assert mine.delete(f"{LIST}{own.pk}/").status_code == 204
    assert not Prediction.objects.exists()
    assert not default_storage.exists(own.image.name)
    assert mine.delete(f"{LIST}{own.pk}/").status_code == 404


def test_staff_who_see_a_prediction_may_not_delete_it(staff: Any, make_prediction: Make) -> None:
    theirs = make_prediction()
    response = user_client(grant(staff, "view_prediction")).delete(f"{LIST}{theirs.pk}/")
    assert (response.status_code, response.json()["code"]) == (403, "permission_denied")
    assert Prediction.objects.filter(pk=theirs.pk).exists()


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("7", "7"), ("", ""), (" 12 ", "12"), ("1\n2", "1\n2"), ("1\r\n\r\n2\n", "1\n2")],
)
def test_flag_stores_the_right_number(
    mine: Client, visitor: uuid.UUID, make_prediction: Make, sent: str, kept: str
) -> None:
    own = make_prediction(visitor=visitor)
    response = post_json(mine, f"{LIST}{own.pk}/flag/", {"text": sent})
    assert response.status_code == 201
    correction = Correction.objects.get()
    assert (correction.text, correction.state, correction.flagged_by) == (kept, "pending", None)
    correction = mine.get(f"{LIST}{own.pk}/").json()["correction"]
    assert correction == response.json()
    assert set(correction) == {"text", "state", "created_at"}


def test_second_flag_replaces_a_pending_one(mine: Client, visitor: uuid.UUID, make_prediction: Make) -> None:
    own = make_prediction(visitor=visitor)
    for text in ("7", "8"):
        assert post_json(mine, f"{LIST}{own.pk}/flag/", {"text": text}).status_code == 201
    assert [correction.text for correction in Correction.objects.all()] == ["8"]


def test_correction_records_its_user(user: Any, make_prediction: Make) -> None:
    own = make_prediction(owner=user)
    user_client(user).post(f"{LIST}{own.pk}/flag/", {"text": "7"})
    assert Correction.objects.get().flagged_by == user


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", "invalid"),
        ("{}", "invalid"),
        ("[]", "invalid"),
        ("7", "invalid"),
        ("null", "invalid"),
        ("{", "parse_error"),
        ('{"text": null}', "invalid"),
        ('{"text": ["7"]}', "invalid"),
        ('{"text": true}', "invalid"),
        ('{"text": "seven"}', "invalid"),
        ('{"text": "-7"}', "invalid"),
        ('{"text": "\\u0667"}', "invalid"),
        ('{"text": "7\\u0000"}', "invalid"),
        ('{"text": "\\ud800"}', "invalid"),
        (f'{{"text": "{"7" * 501}"}}', "invalid"),
        ('{"text": "7", "state": "approved"}', "unknown_field"),
        ('{"text": "7", "\\ud800": 1}', "unknown_field"),
    ],
)
def test_correction_that_is_not_a_number_is_refused(
    mine: Client, visitor: uuid.UUID, make_prediction: Make, body: str, code: str
) -> None:
    own = make_prediction(visitor=visitor)
    response = post_json(mine, f"{LIST}{own.pk}/flag/", body)
    assert response.status_code == 400
    assert response.json()["code"] == code
    assert not Correction.objects.exists()


def photograph_of_two_lines(make_prediction: Make, visitor: uuid.UUID) -> Prediction:
    """A kept picture, black above and white below."""
    prediction = make_prediction(visitor=visitor)
    page = np.vstack([np.zeros((30, 120), np.uint8), np.full((30, 120), 255, np.uint8)])
    prediction.take_image(*encode_page(page))
    prediction.save()
    return prediction


def test_crop_becomes_a_new_prediction(
    mine: Client, visitor: uuid.UUID, make_prediction: Make, reader: FakeReader
) -> None:
    whole = photograph_of_two_lines(make_prediction, visitor)
    Prediction.objects.filter(pk=whole.pk).update(filename="two lines.jpg")
    response = post_json(mine, f"{LIST}{whole.pk}/crop/", {"box": [10, 30, 60, 20]})
    assert response.status_code == 201, response.content
    assert response["Location"] == f"http://testserver{LIST}{response.json()['id']}/"
    part = Prediction.objects.get(pk=response.json()["id"])
    assert (part.width, part.height, part.visitor, part.source) == (60, 20, visitor, whole.source)
    assert part.filename == "two lines.jpg"
    assert ids(mine.get(LIST)) == [part.pk, whole.pk]


def test_crop_is_turned_clockwise(mine: Client, visitor: uuid.UUID, make_prediction: Make, reader: FakeReader) -> None:
    whole = photograph_of_two_lines(make_prediction, visitor)
    made = post_json(mine, f"{LIST}{whole.pk}/crop/", {"box": [0, 0, 120, 60], "turn": 90}).json()
    part = Prediction.objects.get(pk=made["id"])
    with Image.open(io.BytesIO(image_of(part))) as image:
        assert image.size == (60, 120)
        # What was above is on the right.
        assert (image.getpixel((5, 60)), image.getpixel((55, 60))) == (255, 0)


def test_crop_repeated_with_its_key_is_stored_once(
    mine: Client, visitor: uuid.UUID, make_prediction: Make, reader: FakeReader
) -> None:
    path = f"{LIST}{photograph_of_two_lines(make_prediction, visitor).pk}/crop/"
    calls = [post_json(mine, path, {"box": [0, 0, 50, 50]}, headers={"Idempotency-Key": "one"}) for _ in range(2)]
    assert len({call.json()["id"] for call in calls}) == 1
    assert post_json(mine, path, {"box": [0, 0, 9, 9]}, headers={"Idempotency-Key": "one"}).status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"box": []},
        {"box": "0 0 9 9"},
        {"box": [0, 0, 9]},
        {"box": [0, 0, 0, 9]},
        {"box": [-1, 0, 9, 9]},
        {"box": [0, 0, 121, 9]},
        {"box": [0, 59, 9, 2]},
        {"box": [0, 0, 10**30, 9]},
        {"box": [0.5, 0, 9, 9]},
        {"box": [0, 0, 9, 9], "turn": 45},
        {"box": [0, 0, 9, 9], "model_version": "x"},
    ],
)
def test_crop_outside_the_picture_is_refused(
    mine: Client, visitor: uuid.UUID, make_prediction: Make, reader: FakeReader, body: Any
) -> None:
    whole = make_prediction(visitor=visitor)
    response = post_json(mine, f"{LIST}{whole.pk}/crop/", body)
    assert response.status_code == 400
    assert response.json()["code"] in ("invalid", "unknown_field")
    assert Prediction.objects.count() == 1


@pytest.mark.usefixtures("image_files")
def test_crop_of_a_missing_image_returns_404(
    mine: Client, visitor: uuid.UUID, make_prediction: Make, reader: FakeReader
) -> None:
    whole = make_prediction(visitor=visitor)
    default_storage.delete(str(whole.image))
    assert post_json(mine, f"{LIST}{whole.pk}/crop/", {"box": [0, 0, 9, 9]}).status_code == 404
