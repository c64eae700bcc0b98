"""Staff without a second factor, where one is required."""

from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.auth.models import User
from django.test import Client

from keys.models import Key, Scope
from recognizer.models import Prediction
from tests.factories import user_client

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def required(settings: Any) -> None:
    settings.STAFF_MFA = "required"


@pytest.mark.parametrize("path", ["/", "/admin/", "/dashboard/", "/review/", "/history/"])
def test_staff_without_a_factor_are_redirected_to_add_one(superuser: User, path: str) -> None:
    answer = user_client(superuser).get(path, follow=True)
    assert answer.redirect_chain == [("/accounts/mfa/", 302)]
    assert "Staff need a second factor here." in answer.content.decode()


def test_api_tells_staff_to_add_a_factor(superuser: User) -> None:
    answer = user_client(superuser).get("/api/v1/predictions/")
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")


@pytest.mark.parametrize("path", ["/accounts/", "/accounts/mfa/totp/activate/", "/accounts/sessions/", "/healthz"])
def test_staff_without_a_factor_can_add_one(superuser: User, path: str) -> None:
    assert user_client(superuser).get(path).status_code == 200


def test_staff_with_a_factor_reach_everything(superuser: User) -> None:
    TOTP.activate(superuser, "A" * 32)
    assert user_client(superuser).get("/admin/").status_code == 200


def test_recovery_codes_alone_are_no_factor(superuser: User) -> None:
    from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes

    RecoveryCodes.activate(superuser)
    assert user_client(superuser).get("/admin/").status_code == 302


def test_users_need_no_second_factor(user: User) -> None:
    assert user_client(user).get("/history/").status_code == 200
    assert Client().get("/").status_code == 200


def test_keys_of_staff_without_a_factor_still_work(superuser: User) -> None:
    _, token = Key.objects.issue(superuser)
    assert Client(headers={"Authorization": f"Token {token}"}).get("/api/v1/predictions/").status_code == 200


def test_staff_keys_made_without_a_factor_reach_own_rows_only(
    superuser: User, make_prediction: Callable[..., Prediction], settings: Any
) -> None:
    path = f"/api/v1/predictions/{make_prediction().pk}/"

    def status(token: str) -> int:
        return Client(headers={"Authorization": f"Token {token}"}).get(path).status_code

    early = Key.objects.issue(superuser, scopes=Scope.values)[1]
    assert status(early) == 404
    TOTP.activate(superuser, "A" * 32)
    late = Key.objects.issue(superuser, scopes=Scope.values)[1]
    assert (status(early), status(late)) == (404, 200)
    settings.STAFF_MFA = "optional"
    assert status(early) == 200


def test_optional_factor_is_not_required_of_staff(superuser: User, settings: Any) -> None:
    settings.STAFF_MFA = "optional"
    assert user_client(superuser).get("/admin/").status_code == 200
