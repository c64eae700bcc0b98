"""Lifetime of sessions, and how users end them."""

import datetime
import time
import uuid
from typing import Any
from unittest.mock import patch

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core import signing
from django.test import Client
from django.utils import timezone

from accounts.sessions import DAY, HOUR, browser_of
from core.models import AuditEntry, Event
from tests.factories import user_client, visitor_client

PASSWORD = "a long pass phrase"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

pytestmark = pytest.mark.django_db


def entered(name: str = "ada", **options: Any) -> Client:
    client = Client(headers={"User-Agent": FIREFOX})
    client.post("/accounts/login/", {"login": name, "password": PASSWORD} | options)
    return client


def seconds_left(client: Client) -> float:
    row = Session.objects.get(pk=client.session.session_key)
    return (row.expire_date - timezone.now()).total_seconds()


def later(client: Client, seconds: int) -> None:
    """Move a session's times into the past."""
    session = Session.objects.get(pk=client.session.session_key)
    content = session.get_decoded() | {"seen_at": int(time.time()) - seconds}
    session.session_data = client.session.encode(content)
    session.expire_date -= datetime.timedelta(seconds=seconds)
    session.save()


@pytest.mark.parametrize(
    ("name", "form", "seconds"),
    [
        ("ada", {}, 14 * DAY),
        ("ada", {"remember": "on"}, 90 * DAY),
        ("grace", {"remember": "on"}, 8 * HOUR),
    ],
)
def test_a_session_ends_after_its_idle_time(
    user: User, staff: User, name: str, form: dict[str, str], seconds: int
) -> None:
    client = entered(name, **form)
    assert seconds - 60 < seconds_left(client) <= seconds
    assert 0 < int(client.cookies["sessionid"]["max-age"]) <= seconds
    for _ in range(3):
        later(client, seconds - 60)
        assert client.get("/accounts/").status_code == 200
    assert seconds - 60 < seconds_left(client)
    later(client, seconds + 1)
    assert client.get("/accounts/").status_code == 302


def test_new_staff_get_a_staff_session(user: User) -> None:
    client = entered()
    user.is_staff = True
    user.save()
    client.get("/accounts/")
    assert seconds_left(client) <= 8 * HOUR


def test_a_session_is_not_written_at_each_request(user: User) -> None:
    client = entered()
    client.get("/accounts/")
    with patch("accounts.sessions.UserSession.objects.create_from_request") as written:
        for _ in range(3):
            assert "sessionid" not in client.get("/accounts/").cookies
    assert not written.called


def test_sessions_are_listed_with_the_browser_and_ended(user: User, other_user: User) -> None:
    here, there, _ = entered(), entered(), entered("blaise")
    page = here.get("/accounts/sessions/").content.decode()
    assert page.count("Firefox on Linux</strong>") == 2
    assert page.count("this one") == 1
    row = UserSession.objects.get(session_key=there.session.session_key)
    assert here.post(f"/accounts/sessions/{row.pk}/end/").status_code == 302
    assert there.get("/accounts/").status_code == 302
    assert here.get("/accounts/").status_code == 200
    assert AuditEntry.objects.filter(event=Event.SESSION_ENDED, user_number=user.pk).count() == 1


def test_ending_ones_own_session_logs_out(user: User) -> None:
    client = entered()
    client.post(f"/accounts/sessions/{UserSession.objects.get().pk}/end/")
    assert client.get("/accounts/").status_code == 302


def test_all_other_sessions_end_at_once(user: User, other_user: User) -> None:
    here, others, theirs = entered(), [entered() for _ in range(2)], entered("blaise")
    here.post("/accounts/sessions/")
    assert [client.get("/accounts/").status_code for client in (here, *others, theirs)] == [200, 302, 302, 200]


def test_older_session_is_added_to_the_session_list(user: User) -> None:
    client = user_client(user)
    assert client.get("/history/").status_code == 200
    assert UserSession.objects.get().user == user


def test_ipv6_address_is_recorded_as_its_network(user: User) -> None:
    Client(REMOTE_ADDR="2001:db8:0:1::9").post("/accounts/login/", {"login": "ada", "password": PASSWORD})
    assert UserSession.objects.get().ip == "2001:db8:0:1::"


def aged(client: Client, days: int) -> str:
    """Return the cookie of a visitor some days later."""
    now = time.time()
    with patch("django.core.signing.time.time", return_value=now - days * DAY):
        value = signing.get_cookie_signer(salt="visitor" + "visitor").sign(str(uuid.uuid4()))
    client.cookies["visitor"] = value
    return value


def test_absent_visitor_is_forgotten() -> None:
    client = visitor_client(uuid.uuid4())
    assert "visitor" not in client.get("/history/").cookies, "once a day is enough"
    old = aged(client, 29)
    renewed = client.get("/history/").cookies["visitor"]
    assert renewed.value != old
    assert renewed.value.partition(":")[0] == old.partition(":")[0]
    assert renewed["max-age"] == 30 * DAY
    aged(client, 31)
    assert "visitor" not in client.get("/history/").cookies


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (FIREFOX, "Firefox on Linux"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Linux; Android 14) Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("curl/8.5.0", "Another program"),
        ("", "Another program"),
    ],
)
def test_session_list_names_the_browser(agent: str, words: str) -> None:
    assert browser_of(agent) == words
