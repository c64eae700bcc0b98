"""Users export and delete all their data."""

import csv
import io
import json
import threading
import uuid
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.db import OperationalError
from django.test import Client

from accounts.closing import close_account
from core.storage.deletion import retry_deletions
from keys.models import Key, Secret
from recognizer.erasures import erase_waiting
from recognizer.models import Correction, Erasure, Prediction
from recognizer.views import history
from tests.factories import user_client, visitor_client

Make = Callable[..., Prediction]
EXPORT, ERASE = "/history/export/", "/accounts/erase/"

pytestmark = pytest.mark.django_db


def unpacked(response: Any) -> dict[str, bytes]:
    assert response["Content-Disposition"] == 'attachment; filename="my-predictions.zip"'
    with zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize("kind", ["user", "visitor"])
def test_export_has_all_own_data_and_no_others(make_prediction: Make, user: User, kind: str) -> None:
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
    rows = list(csv.DictReader(io.StringIO(files["predictions.csv"].decode("utf-8-sig"))))
    assert {(row["text"], row["correction"]) for row in rows} == {("12", ""), ("3", "8")}
    if kind == "user":
        (key,) = csv.DictReader(io.StringIO(files["keys.csv"].decode("utf-8-sig")))
        assert (key["name"], key["scopes"]) == ("'=scanner", "read")
        assert token.startswith(key["token_starts_with"])
        assert token not in files["keys.csv"].decode()


def test_stranger_downloads_an_empty_archive(client: Client) -> None:
    assert set(unpacked(client.get(EXPORT))) == {"labels.json", "predictions.csv"}


def test_one_owner_gets_one_archive_at_a_time(user: User, other_user: User) -> None:
    first = user_client(user).get(EXPORT)
    refused = user_client(user).head(EXPORT)
    assert (refused.status_code, refused["Retry-After"]) == (503, "5")
    unpacked(user_client(other_user).get(EXPORT))
    unpacked(first)
    unpacked(user_client(user).get(EXPORT))


def test_archives_being_packed_leave_threads_free(monkeypatch: pytest.MonkeyPatch, user: User) -> None:
    statuses: list[int] = []

    def pack(*args: Any) -> None:
        answer = visitor_client(uuid.uuid4()).get(EXPORT)
        statuses.append(answer.status_code)
        b"".join(answer)

    monkeypatch.setattr(history, "archive", pack)
    b"".join(user_client(user).get(EXPORT))
    assert statuses == [503, 200]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("image_files")
def test_account_is_deleted_with_all_its_data(make_prediction: Make, user: User, other_user: User) -> None:
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


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("image_files")
def test_account_is_deleted_during_a_storage_outage(
    make_prediction: Make, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = make_prediction(owner=user)
    with monkeypatch.context() as patch:
        patch.setattr(default_storage, "delete", Mock(side_effect=OSError(30, "Read-only file system")))
        assert user_client(user).post(ERASE, {"password": "a long pass phrase"}).status_code == 302
    assert not User.objects.filter(pk=user.pk).exists()
    retry_deletions()
    assert not default_storage.exists(mine.image.name)


@pytest.fixture
def large_account(
    image_files: Path, make_prediction: Make, user: User, monkeypatch: pytest.MonkeyPatch
) -> list[Prediction]:
    monkeypatch.setattr("recognizer.erasures.MAX_AT_ONCE", 1)
    return [make_prediction(owner=user) for _ in range(3)]


@pytest.mark.django_db(transaction=True)
def test_large_account_is_closed_at_once_and_deleted_later(large_account: list[Prediction], user: User) -> None:
    _, token = Key.objects.issue(user)
    here, elsewhere = user_client(user), user_client(user)
    page = here.post(ERASE, {"password": "a long pass phrase"})["Location"]
    assert Prediction.objects.count() == 3
    assert elsewhere.get("/accounts/").status_code == 302, "its sessions have ended"
    assert Client(headers={"Authorization": f"Bearer {token}"}).get("/api/v1/predictions/").status_code == 401
    assert not User.objects.get(pk=user.pk).has_usable_password()
    assert not User.objects.filter(username="ada").exists(), "the name is free"
    assert 'max="3" value="0"' in here.get(page).content.decode()
    assert here.get(f"{page}progress/").json() == {"active": True, "words": "Waiting for a worker", "done": 0}
    erase_waiting(threading.Event())
    assert not User.objects.filter(pk=user.pk).exists()
    assert not Prediction.objects.exists()
    assert not any(default_storage.exists(one.image.name) for one in large_account)
    assert here.get(f"{page}progress/").json() == {"active": False}
    assert "Your account is deleted" in here.get(page).content.decode()


@pytest.mark.django_db(transaction=True)
def test_closed_account_is_deleted_with_later_predictions(
    large_account: list[Prediction], make_prediction: Make, user: User, other_user: User
) -> None:
    user_client(user).post(ERASE, {"password": "a long pass phrase"})
    make_prediction(owner=user)
    theirs = make_prediction(owner=other_user)
    erase_waiting(threading.Event())
    assert list(Prediction.objects.all()) == [theirs]


@pytest.mark.django_db(transaction=True)
def test_failed_closing_leaves_the_account_unchanged(
    large_account: list[Prediction], user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    Key.objects.issue(user)
    monkeypatch.setattr(Erasure.objects, "queue", Mock(side_effect=OperationalError("database is locked")))
    with suppress(OperationalError):
        close_account(user)
    assert Key.objects.filter(user=user).exists()
    assert User.objects.get().check_password("a long pass phrase")


def test_progress_page_needs_its_signed_address(client: Client) -> None:
    assert client.get("/accounts/erasing/1/").status_code == 404
    assert client.get("/accounts/erasing/1:forged/progress/").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_an_account_deleted_in_the_admin_is_closed_too(
    large_account: list[Prediction], superuser: User, user: User
) -> None:
    address = f"/admin/auth/user/{user.pk}/delete/"
    client = user_client(superuser)
    page = client.get(address).content.decode()
    assert "Predictions: 3" in page
    assert client.post(address, {"post": "yes"}).status_code == 302
    user.refresh_from_db()
    assert not user.is_active
    erase_waiting(threading.Event())
    assert not User.objects.filter(pk=user.pk).exists()


def test_a_password_set_by_staff_ends_sessions_and_keys(user: User, superuser: User) -> None:
    Key.objects.issue(user)
    session = user_client(user)
    admin, address = user_client(superuser), f"/admin/auth/user/{user.pk}/password/"
    assert "Revoke all API keys" in admin.get(address).content.decode()
    words = {"password1": "another pass phrase", "password2": "another pass phrase", "usable_password": "true"}
    assert admin.post(address, words | {"set-password": "1"}).status_code == 302
    assert session.get("/accounts/").status_code == 302
    assert Key.objects.filter(user=user).exists()
    assert admin.post(address, words | {"set-password": "1", "revoke_keys": "on"}).status_code == 302
    assert not Key.objects.filter(user=user).exists()


def test_admin_uses_the_sites_password_page(superuser: User) -> None:
    assert user_client(superuser).get("/admin/password_change/")["Location"] == "/accounts/password/"


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("image_files")
def test_failed_account_deletion_keeps_everything(
    make_prediction: Make, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = make_prediction(owner=user)
    monkeypatch.setattr(User, "delete", Mock(side_effect=OperationalError("database is locked")))
    client = user_client(user, raise_request_exception=False)
    client.post(ERASE, {"password": "a long pass phrase"})
    assert Prediction.objects.get() == mine
    assert default_storage.exists(mine.image.name)
    assert client.get("/accounts/").status_code == 200


def test_account_deletion_needs_the_password(user: User) -> None:
    response = user_client(user).post(ERASE, {"password": "a guess"})
    assert response.status_code == 200
    assert "not your password" in response.content.decode()
    assert User.objects.filter(pk=user.pk).exists()


def test_attempts_at_the_deletion_password_are_limited(user: User) -> None:
    client = user_client(user)
    assert [client.post(ERASE, {"password": "a guess"}).status_code for _ in range(11)][-1] == 429
    assert client.post(ERASE, {"password": "a long pass phrase"}).status_code == 429
    assert User.objects.filter(pk=user.pk).exists()
