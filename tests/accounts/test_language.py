"""A user's language: on each device, and in mails."""

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client

from accounts.models import Language
from tests.factories import user_client

LOG_IN = {"login": "ada", "password": "a long pass phrase"}

pytestmark = pytest.mark.django_db


def test_account_takes_its_language_to_other_devices(user: User) -> None:
    user_client(user).post("/accounts/language/", {"language": "es"})
    assert Language.objects.get(user=user).code == "es"
    elsewhere = Client()
    answer = elsewhere.post("/accounts/login/", LOG_IN)
    assert answer.cookies["django_language"].value == "es"
    assert '<html lang="es">' in elsewhere.get("/").content.decode()


def test_mails_are_in_the_language_of_the_account(client: Client, user: User) -> None:
    User.objects.filter(pk=user.pk).update(email="ada@example.org")
    Language.objects.create(user=user, code="de")
    client.post("/accounts/password/reset/", {"email": "ada@example.org"}, headers={"Accept-Language": "es"})
    (sent,) = mail.outbox
    assert sent.subject == "Ein Link für ein neues Passwort"
    assert "möchte ein neues Passwort für ada" in sent.body
