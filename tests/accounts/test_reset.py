"""Lost passwords are reset by mail, or by a link from staff."""

import re
from typing import Any
from unittest.mock import Mock

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from core.models import AuditEntry, Event
from keys.models import Key
from tests.factories import user_client

ASK, ADDRESS = "/accounts/password/reset/", "ada@example.org"
NEW = {"password1": "another long phrase", "password2": "another long phrase"}

pytestmark = pytest.mark.django_db


@pytest.fixture
def user(user: User) -> User:
    user.email = ADDRESS
    user.save()
    return user


def link_in(text: str) -> str:
    found = re.search(r"http://testserver(/accounts/\S+/)", text)
    assert found is not None, text
    return found[1]


def open_link(client: Client, link: str) -> Any:
    """Open a link; it redirects to an address without its secret."""
    answer = client.get(link)
    return client.get(answer["Location"]) if answer.status_code == 302 else answer


def log_in(password: str) -> int:
    return Client().post("/accounts/login/", {"login": "ada", "password": password}).status_code


def test_reset_link_works_once_and_ends_sessions(client: Client, user: User) -> None:
    elsewhere = user_client(user)
    client.post(ASK, {"email": "Ada@Example.org"})
    (sent,) = mail.outbox
    assert (sent.to, "for ada." in sent.body) == ([ADDRESS], True)
    link = link_in(sent.body)
    page = open_link(client, link)
    assert "secret" not in page.request["PATH_INFO"]
    assert client.post(page.request["PATH_INFO"], NEW).status_code == 302
    assert log_in("another long phrase") == 302
    assert elsewhere.get("/accounts/").status_code == 302
    assert "was used, is too old" in open_link(Client(), link).content.decode()
    assert AuditEntry.objects.filter(event=Event.PASSWORD_CHANGED, user_number=user.pk).count() == 1


def test_reset_link_does_not_log_in(client: Client, user: User) -> None:
    client.post(ASK, {"email": ADDRESS})
    page = open_link(client, link_in(mail.outbox[0].body))
    client.post(page.request["PATH_INFO"], NEW)
    assert client.get("/accounts/").status_code == 302


def test_answer_hides_whether_an_address_is_known(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    later = Mock()
    monkeypatch.setattr("accounts.mail.in_background", later)

    def asked(address: str) -> tuple[Any, ...]:
        with CaptureQueriesContext(connection) as queries:
            answer = Client().post(ASK, {"email": address})
        return answer.status_code, answer["Location"], len(queries)

    assert asked(ADDRESS) == asked("nobody@example.org")
    assert later.call_count == 2
    assert mail.outbox == []


def test_unknown_address_gets_no_mail(client: Client, user: User) -> None:
    assert client.post(ASK, {"email": "nobody@example.org"}).status_code == 302
    assert mail.outbox == []


def test_mail_server_outage_breaks_no_page(client: Client, user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    from accounts.mail import _do

    monkeypatch.setattr("accounts.mail.in_background", lambda work, *arguments: _do(work, *arguments))
    monkeypatch.setattr("django.core.mail.EmailMessage.send", Mock(side_effect=OSError("refused")))
    monkeypatch.setattr("accounts.mail.connection", Mock())
    assert client.post(ASK, {"email": ADDRESS}).status_code == 302


def test_reset_mails_are_rate_limited(client: Client) -> None:
    answers = [client.post(ASK, {"email": ADDRESS}).status_code for _ in range(6)]
    assert answers == [302] * 5 + [429]


def test_locked_out_user_can_log_in_with_a_link(client: Client, user: User) -> None:
    for _ in range(11):
        log_in("a guess")
    assert log_in("a long pass phrase") == 429
    client.post(ASK, {"email": ADDRESS})
    page = open_link(client, link_in(mail.outbox[0].body))
    client.post(page.request["PATH_INFO"], NEW)
    assert log_in("another long phrase") == 302


@pytest.mark.parametrize("revoke", [True, False])
def test_password_reset_revokes_keys_on_request(client: Client, user: User, revoke: bool) -> None:
    Key.objects.issue(user)
    client.post(ASK, {"email": ADDRESS})
    page = open_link(client, link_in(mail.outbox[0].body))
    assert "Revoke all my API keys" in page.content.decode()
    client.post(page.request["PATH_INFO"], NEW | ({"revoke_keys": "on"} if revoke else {}))
    assert Key.objects.exists() is not revoke


def link_of_staff(staff: User, *users: User) -> Any:
    form = {"action": "make_reset_link", "_selected_action": [user.pk for user in users]}
    return user_client(staff).post("/admin/auth/user/", form, follow=True)


def test_staff_make_a_link_that_is_in_the_audit_log(client: Client, superuser: User, user: User) -> None:
    answer = link_of_staff(superuser, user)
    page = open_link(client, link_in(answer.content.decode().replace("</code>", " ")))
    assert client.post(page.request["PATH_INFO"], NEW).status_code == 302
    assert log_in("another long phrase") == 302
    entry = AuditEntry.objects.get(event=Event.RESET_LINK_MADE)
    assert (entry.user_number, entry.target) == (superuser.pk, f"user {user.pk}")


def test_only_superusers_create_reset_links_for_staff(superuser: User, staff: User, user: User) -> None:
    from tests.factories import grant

    helper = grant(User.objects.create_user("helper", is_staff=True), "change_user", "view_user")
    for chosen in (staff, superuser):
        assert "Only superusers may do this for staff." in link_of_staff(helper, chosen).content.decode()
    assert "/password/reset/key/" in link_of_staff(helper, user).content.decode()


def test_reset_link_is_created_for_exactly_one_user(superuser: User, user: User, other_user: User) -> None:
    assert "Choose one user." in link_of_staff(superuser, user, other_user).content.decode()
