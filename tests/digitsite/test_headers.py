"""Caching headers of answers."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from recognizer.models import Prediction
from tests.factories import user_client

Make = Callable[..., Prediction]

pytestmark = pytest.mark.django_db

PAGES = [
    "/", "/upload/", "/history/", "/history/export/", "/predictions/{pk}/", "/accounts/", "/accounts/login/",
    "/batches/", "/api-access/", "/about/", "/api/v1/predictions/", "/api/v1/predictions/{pk}/", "/api/v1/batches/",
    "/api/v1/models/", "/api/v1/nowhere/", "/nowhere/", "/admin/", "/review/", "/healthz",
]  # fmt: skip
PICTURES = [
    *("/api/v1/predictions/{pk}/image/", "/api/v1/predictions/{pk}/image/?size=thumb"),
    *("/predictions/{pk}/frames/", "/about/mistakes/"),
]


@pytest.fixture
def client(user: User) -> Client:
    return user_client(user)


@pytest.mark.parametrize("path", PAGES)
def test_pages_and_answers_are_not_cached(client: Client, user: User, make_prediction: Make, path: str) -> None:
    answer = client.get(path.format(pk=make_prediction(owner=user).pk))
    answer.getvalue()
    assert {"private", "no-store"} <= {part.strip() for part in answer["Cache-Control"].split(",")}
    assert "camera=()" in answer["Permissions-Policy"]
    assert not answer.has_header("ETag")


@pytest.mark.parametrize("path", PICTURES)
def test_picture_is_revalidated_with_304(client: Client, user: User, make_prediction: Make, path: str) -> None:
    path = path.format(pk=make_prediction(owner=user).pk)
    first = client.get(path)
    assert (first.status_code, first["Cache-Control"]) == (200, "private, no-cache")
    again = client.get(path, headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content, again["Cache-Control"]) == (304, b"", "private, no-cache")
    assert client.get(path, headers={"If-None-Match": '"another"'}).status_code == 200


def test_other_persons_picture_is_404_with_any_etag(
    client: Client, user: User, make_prediction: Make, other_user: User
) -> None:
    path = f"/api/v1/predictions/{make_prediction(owner=user).pk}/image/"
    tag = client.get(path)["ETag"]
    assert user_client(other_user).get(path, headers={"If-None-Match": tag}).status_code == 404


def test_error_answers_are_not_cached(user: User, monkeypatch: Any) -> None:
    monkeypatch.setattr("recognizer.views.history.page_of", lambda *args: 1 / 0)
    answer = user_client(user, raise_request_exception=False).get("/history/")
    assert (answer.status_code, answer["Cache-Control"]) == (500, "private, no-store")
