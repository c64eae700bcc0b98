"""Rate limits and their headers."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from keys.models import Key
from recognizer import admission, predictions, responses
from recognizer.admission import Admission
from recognizer.api.throttling import ScopeByAddress
from recognizer.models import Prediction
from tests.factories import encoded, user_client
from tests.fakes import FakeReader

Make = Callable[..., Prediction]
LOOK = "/api/v1/models/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def three_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ScopeByAddress, "THROTTLE_RATES", {"look": "3/min"})


def looks_from(*addresses: str) -> list[int]:
    return [Client(REMOTE_ADDR=address).get(LOOK).status_code for address in addresses]


def test_all_addresses_of_a_network_count_together(reader: FakeReader, three_looks: None) -> None:
    assert looks_from(*(f"2001:db8:0:1::{number}" for number in range(4))) == [200, 200, 200, 429]
    assert looks_from("2001:db8:0:2::1", "192.0.2.1") == [200, 200]


def test_guesses_from_one_network_count_together(user: User) -> None:
    def guess(address: str, word: str) -> int:
        sent = {"login": "ada", "password": word}
        return Client(REMOTE_ADDR=address).post("/accounts/login/", sent).status_code

    assert [guess(f"2001:db8:0:1::{number}", "a guess") for number in range(11)] == [200] * 10 + [429]
    assert guess("2001:db8:0:1::ff", "a long pass phrase") == 429
    assert guess("2001:db8:0:2::1", "a long pass phrase") == 302


def test_answer_has_rate_limit_headers(reader: FakeReader, three_looks: None) -> None:
    answers = [Client().get(LOOK) for _ in range(4)]
    assert {answer["RateLimit-Policy"] for answer in answers} == {'"look";q=3;w=60'}
    assert [answer["RateLimit"] for answer in answers] == [f'"look";r={left};t=60' for left in (2, 1, 0, 0)]


def test_limit_of_a_key_is_in_the_headers(user: User, reader: FakeReader, three_looks: None) -> None:
    _, token = Key.objects.issue(user, limit=50)
    answer: Any = Client(headers={"Authorization": f"Bearer {token}"}).get(LOOK)
    assert answer["RateLimit-Policy"] == '"look";q=3;w=60, "key";q=50;w=60'
    assert answer["RateLimit"] == '"look";r=2;t=60, "key";r=49;t=60'


def test_pages_have_no_rate_limit_headers(client: Client) -> None:
    assert not client.get("/").has_header("RateLimit")


def test_a_large_picture_counts_as_several_calls(reader: FakeReader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ScopeByAddress, "THROTTLE_RATES", {"preview": "6/min"})
    large, small = (encoded(np.full(shape, 255, np.uint8)) for shape in ((3000, 3000), (50, 50)))

    def preview(picture: bytes) -> tuple[int, str]:
        answer = Client().post("/api/v1/predictions/preview/", {"image": SimpleUploadedFile("a.png", picture)})
        return answer.status_code, answer["RateLimit"].partition(";t=")[0]

    answers = [preview(large), preview(small), preview(large), preview(small), preview(small)]
    assert [status for status, _ in answers] == [200, 200, 429, 200, 429]
    assert [left for _, left in answers] == [f'"preview";r={left}' for left in (3, 2, 1, 0, 0)]


def test_a_picture_of_many_pieces_counts_as_several_calls(reader: FakeReader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ScopeByAddress, "THROTTLE_RATES", {"preview": "6/min"})
    reader.pieces = 1000
    picture = encoded(np.full((50, 50), 255, np.uint8))

    def preview() -> tuple[int, str]:
        answer = Client().post("/api/v1/predictions/preview/", {"image": SimpleUploadedFile("a.png", picture)})
        return answer.status_code, answer["RateLimit"].partition(";t=")[0]

    assert [preview() for _ in range(2)] == [(200, '"preview";r=2'), (429, '"preview";r=1')]


def test_busy_process_returns_503(client: Client, reader: FakeReader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictions, "admission", Admission(0, 1))
    monkeypatch.setattr(admission, "TIMEOUT", 0.01)
    picture = SimpleUploadedFile("a.png", encoded(np.full((50, 50), 255, np.uint8)))
    answer = client.post("/api/v1/predictions/preview/", {"image": picture})
    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (503, "overloaded", "5")


def test_a_crop_counts_as_the_whole_picture_it_is_cut_from(
    make_prediction: Make, user: User, reader: FakeReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ScopeByAddress, "THROTTLE_RATES", {"store": "6/min"})
    monkeypatch.setattr(predictions, "admission", Admission(0, 1))
    monkeypatch.setattr(admission, "TIMEOUT", 0.01)
    monkeypatch.setattr(predictions, "open_image", lambda data: pytest.fail("the picture was decoded without a turn"))
    whole = make_prediction(owner=user)
    Prediction.objects.filter(pk=whole.pk).update(width=3000, height=3000)
    path, body = f"/api/v1/predictions/{whole.pk}/crop/", {"box": [0, 0, 9, 9]}
    client = user_client(user)
    answers = [client.post(path, body, content_type="application/json") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [503, 503, 429]


def test_thumbnail_of_a_large_picture_waits_for_memory(
    make_prediction: Make, superuser: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(responses, "admission", Admission(0, 1))
    monkeypatch.setattr(admission, "TIMEOUT", 0.01)
    client, found = user_client(superuser), []
    for height in (1000, 9000):
        prediction = make_prediction(owner=superuser)
        correction = prediction.flag("7")
        Prediction.objects.filter(pk=prediction.pk).update(width=1000, height=height)
        paths = (f"/api/v1/predictions/{prediction.pk}/image/", f"/review/{correction.pk}/image/")
        found += [client.get(f"{path}?size=thumb").status_code for path in paths]
    assert found == [200, 200, 503, 503]
