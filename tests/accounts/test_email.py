"""An email address is optional, and used once it is confirmed."""

import re

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client

from tests.factories import user_client

NEW = {"username": "emmy", "password1": "an ideal ring", "password2": "an ideal ring"}

pytestmark = pytest.mark.django_db


def confirm(client: Client) -> None:
    found = re.search(r"http://testserver(\S+)", mail.outbox[-1].body)
    assert found is not None
    assert "address of" in client.get(found[1]).content.decode()
    client.post(found[1])


def test_email_given_at_sign_up_must_be_confirmed(client: Client) -> None:
    client.post("/accounts/signup/", NEW | {"email": "emmy@example.org"})
    address = EmailAddress.objects.get()
    assert (address.email, address.verified) == ("emmy@example.org", False)
    confirm(client)
    address.refresh_from_db()
    assert address.verified


def test_sign_up_needs_no_address(client: Client) -> None:
    assert client.post("/accounts/signup/", NEW).status_code == 302
    assert (User.objects.get().email, mail.outbox) == ("", [])


def test_email_of_another_account_is_accepted(client: Client, user: User) -> None:
    EmailAddress.objects.create(user=user, email="ada@example.org", verified=True, primary=True)
    answer = client.post("/accounts/signup/", NEW | {"email": "ada@example.org"})
    assert answer.status_code == 302


def test_email_changes_after_the_new_one_is_confirmed(user: User) -> None:
    EmailAddress.objects.create(user=user, email="old@example.org", verified=True, primary=True)
    client = user_client(user)
    client.post("/accounts/email/", {"email": "new@example.org", "action_add": ""})
    page = client.get("/accounts/email/").content.decode()
    assert "<strong>old@example.org</strong>" in page
    assert "<strong>new@example.org</strong>" in page
    assert mail.outbox[-1].to == ["new@example.org"]
    confirm(client)
    assert list(EmailAddress.objects.values_list("email", flat=True)) == ["new@example.org"]
    user.refresh_from_db()
    assert user.email == "new@example.org"


def test_email_change_needs_a_recent_password(user: User) -> None:
    client = user_client(user)
    session = client.session
    session["proved_at"] -= 3601
    session.save()
    answer = client.post("/accounts/email/", {"email": "new@example.org", "action_add": ""})
    assert answer["Location"].startswith("/accounts/reauthenticate/")
    assert not EmailAddress.objects.exists()


def test_password_change_sends_a_mail(user: User) -> None:
    EmailAddress.objects.create(user=user, email="ada@example.org", verified=True, primary=True)
    word = "another long phrase"
    form = {"oldpassword": "a long pass phrase", "password1": word, "password2": word}
    user_client(user).post("/accounts/password/", form)
    (sent,) = mail.outbox
    assert sent.subject == "Your password is changed"
    assert "from 127.0.0.1." in sent.body
    assert word not in sent.body
