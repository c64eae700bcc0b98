"""Log-in: names, limits of attempts, and redirects."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories import user_client

PASSWORD = "a long pass phrase"
NEW = {"username": "Emmy", "password1": "an ideal ring", "password2": "an ideal ring"}

pytestmark = pytest.mark.django_db


def log_in(client: Client, password: str = PASSWORD, name: str = "ada") -> int:
    return int(client.post("/accounts/login/", {"login": name, "password": password}).status_code)


def test_password_attempts_are_limited(client: Client, user: User) -> None:
    assert [log_in(client, "a guess") for _ in range(11)] == [200] * 10 + [429]
    assert log_in(client) == 429
    assert log_in(Client(REMOTE_ADDR="192.0.2.7")) == 302


def test_too_many_guesses_get_retry_after(client: Client, user: User) -> None:
    for _ in range(11):
        answer = client.post("/accounts/login/", {"login": "ada", "password": "a guess"})
    assert "Too many attempts" in answer.content.decode()
    assert answer["Retry-After"] == "900"


def test_forged_address_gives_no_more_password_attempts(user: User) -> None:
    answers = [log_in(Client(headers={"X-Forwarded-For": f"10.0.0.{number}"}), "a guess") for number in range(11)]
    assert answers[-1] == 429


def test_other_spelling_gives_no_more_password_attempts(user: User) -> None:
    names = ["ada", "ADA", " ada", "\N{FULLWIDTH LATIN SMALL LETTER A}da"]
    assert [log_in(Client(), "a guess", names[turn % 4]) for turn in range(11)][-1] == 429


def test_many_addresses_guessing_one_name_lock_it(user: User) -> None:
    answers = [log_in(Client(REMOTE_ADDR=f"10.0.0.{number}"), "a guess") for number in range(101)]
    assert answers == [200] * 100 + [429]
    assert log_in(Client(REMOTE_ADDR="192.0.2.7")) == 429


def test_right_password_is_not_counted_as_an_attempt(client: Client, user: User) -> None:
    for _ in range(15):
        assert log_in(client) == 302
        client.logout()


def test_admin_uses_the_sites_log_in_page(superuser: User, user: User) -> None:
    answer = Client().get("/admin/login/?next=/admin/auth/user/")
    assert answer["Location"] == "/accounts/login/?next=/admin/auth/user/"
    assert user_client(superuser).get("/admin/login/")["Location"] == "/admin/"
    assert user_client(user).get("/admin/login/").status_code == 403


def test_wrong_name_and_password_give_the_same_answer(client: Client, user: User) -> None:
    def told(name: str) -> str:
        answer = client.post("/accounts/login/", {"login": name, "password": "a guess"})
        return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", answer.content.decode()).replace(name, "NAME")

    assert told("ada") == told("nobody")


def test_closed_account_refuses_log_in(client: Client, user: User) -> None:
    user.is_active = False
    user.save()
    answer = client.post("/accounts/login/", {"login": "ada", "password": PASSWORD}, follow=True)
    assert "This account is closed" in answer.content.decode()
    assert not answer.wsgi_request.user.is_authenticated


def test_closed_sign_up_still_allows_log_in(client: Client, user: User, settings: Any) -> None:
    settings.SIGN_UP = "closed"
    for answer in (client.get("/accounts/signup/"), client.post("/accounts/signup/", NEW)):
        assert "Sign-up is closed" in answer.content.decode()
    assert User.objects.count() == 1
    assert log_in(client) == 302


@pytest.mark.parametrize("address", ["", "localhost", "unix:"])
def test_log_in_over_a_local_socket_works(user: User, address: str) -> None:
    assert log_in(Client(REMOTE_ADDR=address)) == 302
