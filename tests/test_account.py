"""Everybody may take all of theirs along, and have it gone."""

import csv
import io
import json
import uuid
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.test import Client

from keys.models import Key, Secret
from recognizer.models import Correction, Prediction
from tests.conftest import user_client, visitor_client

Make = Callable[..., Prediction]
EXPORT, ERASE = "/history/export/", "/accounts/erase/"

pytestmark = pytest.mark.django_db


def unpacked(response: Any) -> dict[str, bytes]:
    assert response["Content-Disposition"] == 'attachment; filename="my-predictions.zip"'
    with zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize("kind", ["user", "visitor"])
def test_all_of_ones_own_and_nobody_elses_is_taken_along(make_prediction: Make, user: User, kind: str) -> None:
    visitor = uuid.uuid4()
    owner: dict[str, Any] = {"owner": user} if kind == "user" else {"visitor": visitor}
    first, second = make_prediction("12", **owner), make_prediction("3", **owner)
    _, token = Key.objects.issue(user, "=scanner", ["read"])
    second.flag("8")
    make_prediction("999")
    client = user_client(user) if kind == "user" else visitor_client(visitor)
    files = unpacked(client.get(EXPORT))
    named = {f"{first.pk}.png", f"{second.pk}.png", "labels.json", "predictions.csv"}
    assert set(files) == named | ({"keys.csv"} if kind == "user" else set())
    assert json.loads(files["labels.json"])[f"{first.pk}.png"] == {"text": "12"}
    rows = list(csv.DictReader(io.StringIO(files["predictions.csv"].decode())))
    assert {(row["text"], row["correction"]) for row in rows} == {("12", ""), ("3", "8")}
    if kind == "user":
        (key,) = csv.DictReader(io.StringIO(files["keys.csv"].decode()))
        assert (key["name"], key["scopes"]) == ("'=scanner", "read")
        assert token.startswith(key["token_starts_with"])
        assert token not in files["keys.csv"].decode()


def test_a_stranger_takes_an_empty_archive_along(client: Client) -> None:
    assert set(unpacked(client.get(EXPORT))) == {"labels.json", "predictions.csv"}


@pytest.mark.django_db(transaction=True)
def test_an_account_goes_with_all_that_it_held(make_prediction: Make, user: User, other_user: User) -> None:
    mine, theirs = make_prediction(owner=user), make_prediction(owner=other_user)
    mine.flag("7", by=user)
    Key.objects.issue(user)
    client = user_client(user)
    response = client.post(ERASE, {"password": "a long pass phrase"})
    assert response.status_code == 302
    assert not User.objects.filter(pk=user.pk).exists()
    assert list(Prediction.objects.all()) == [theirs]
    assert not default_storage.exists(mine.image.name)
    assert not Correction.objects.exists()
    assert not Key.objects.exists()
    assert not Secret.objects.exists()
    assert client.get("/accounts/").status_code == 302


def test_an_account_does_not_go_without_its_password(user: User) -> None:
    response = user_client(user).post(ERASE, {"password": "a guess"})
    assert response.status_code == 200
    assert "not your password" in response.content.decode()
    assert User.objects.filter(pk=user.pk).exists()


def log_in(client: Client, password: str, name: str = "ada") -> int:
    return int(client.post("/accounts/login/", {"username": name, "password": password}).status_code)


def test_guessing_a_password_ends_soon(client: Client, user: User) -> None:
    assert [log_in(client, "a guess") for _ in range(10)] == [200] * 9 + [429]
    assert log_in(client, "a long pass phrase") == 429
    assert log_in(Client(REMOTE_ADDR="192.0.2.7"), "a long pass phrase") == 302


def test_a_forged_address_gives_no_more_guesses(user: User) -> None:
    answers = [log_in(Client(headers={"X-Forwarded-For": f"10.0.0.{number}"}), "a guess") for number in range(10)]
    assert answers[-1] == 429


def test_guessing_at_the_door_of_the_admin_ends_too(client: Client, superuser: User) -> None:
    for _ in range(10):
        response = client.post("/admin/login/", {"username": "root", "password": "a guess"})
    assert response.status_code == 429
    assert "15 minutes" in response.content.decode()


def test_a_password_that_is_right_forgets_the_wrong_ones(client: Client, user: User) -> None:
    for _ in range(2):
        assert [log_in(client, "a guess") for _ in range(8)] == [200] * 8
        assert log_in(client, "a long pass phrase") == 302
        client.logout()
