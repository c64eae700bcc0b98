"""User names are unique, ignoring case and width."""

from unittest.mock import patch

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.test import Client

from accounts.models import FoldedName
from accounts.names import fold, user_named
from tests.factories import user_client

NEW = {"password1": "an ideal ring", "password2": "an ideal ring"}

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "written",
    ["Émile", "ÉMILE", " émile ", "E\N{COMBINING ACUTE ACCENT}mile", "é\N{FULLWIDTH LATIN SMALL LETTER M}ile"],
)
def test_user_names_ignore_case_and_width(client: Client, written: str) -> None:
    user = User.objects.create_user("Émile", password="a long pass phrase")
    assert user_named(written) == user
    assert client.post("/accounts/login/", {"login": written, "password": "a long pass phrase"}).status_code == 302
    answer = Client().post("/accounts/signup/", NEW | {"username": written})
    assert "already exists" in answer.content.decode()
    assert User.objects.count() == 1


def test_user_name_keeps_its_spelling(client: Client) -> None:
    client.post("/accounts/signup/", NEW | {"username": " Straße "})
    user = User.objects.get()
    assert (user.username, user.folded_name.folded) == ("Straße", "strasse")


@pytest.mark.parametrize("name", ["ﷺ" * 150, "ΐ" * 150, "\x00", "a b", "", "x" * 151])
def test_invalid_name_is_refused(client: Client, name: str) -> None:
    answer = client.post("/accounts/signup/", NEW | {"username": name})
    assert answer.status_code in (200, 302)
    assert User.objects.count() == (1 if answer.status_code == 302 else 0)


def test_two_sign_ups_with_one_name_give_one_account(client: Client, user: User) -> None:
    with patch("accounts.adapter.is_taken", return_value=False):
        answer = client.post("/accounts/signup/", NEW | {"username": "ADA"})
    assert "already exists" in answer.content.decode()
    assert User.objects.get() == user


def test_duplicate_user_name_fails_in_scripts_too(user: User) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create_user("ADA")


def test_older_accounts_with_equal_names_log_in_by_spelling(user: User) -> None:
    other = User(username="ADA")
    other.save_base(raw=True)
    assert (user_named("ada"), user_named("ADA"), user_named("Ada")) == (user, other, user)
    other.set_password("another long phrase")
    other.save()
    assert not FoldedName.objects.filter(user=other).exists()


def test_renamed_user_is_found_by_the_new_name(user: User) -> None:
    user.username = "Augusta"
    user.save()
    assert user_named("augusta") == user
    assert user_named("ada") is None


def test_folding_twice_changes_nothing() -> None:
    for name in ("Straße", "ΐ", "ﷺ", "İstanbul", "ſ", "K"):
        assert fold(fold(name)) == fold(name)


def test_admin_refuses_a_duplicate_user_name(superuser: User, user: User, other_user: User) -> None:
    client = user_client(superuser)
    new = NEW | {"username": "ADA", "usable_password": "true"}
    assert "already exists" in client.post("/admin/auth/user/add/", new).content.decode()
    changed = client.post(f"/admin/auth/user/{other_user.pk}/change/", {"username": "Ada"})
    assert "already exists" in changed.content.decode()
    same = client.post(f"/admin/auth/user/{other_user.pk}/change/", {"username": "Blaise"})
    assert "already exists" not in same.content.decode()
