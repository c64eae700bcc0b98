import datetime
import json
import logging
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import RequestFactory
from django.utils import timezone

from core import audit
from core.audit import acting, expired, record
from core.models import AuditEntry, Event
from digitsite.logs import JsonLine
from keys.models import Key
from tests.factories import grant, run, user_client

pytestmark = pytest.mark.django_db

LOG = "/admin/core/auditentry/"


def newest() -> AuditEntry:
    return AuditEntry.objects.latest("pk")


def test_audit_entry_names_user_target_and_address(user: User) -> None:
    request = RequestFactory(REMOTE_ADDR="2001:db8:1:2:3:4:5:6").get("/")
    request.user = user
    with acting(request):
        record(Event.PROMOTED, user, version="x" * 300)
    entry = newest()
    assert (entry.user_number, entry.user_name, entry.target) == (user.pk, "ada", f"user {user.pk}")
    assert entry.address == "2001:db8:1:2::"
    assert entry.facts == {"version": "x" * 200}


def test_audit_entries_of_the_site_name_no_user() -> None:
    record(Event.PROMOTED, "version 1")
    assert (newest().who, newest().address) == ("the site", "")


def test_call_records_its_key(user: User, client: Any) -> None:
    key, token = Key.objects.issue(user, scopes=["read"])
    sent = {"HTTP_AUTHORIZATION": f"Bearer {token}"}
    assert client.post("/api/v1/predictions/", **sent).status_code == 403
    entry = newest()
    assert (entry.event, entry.user_number, entry.key_number) == (Event.REFUSED, user.pk, key.pk)
    assert token not in json.dumps(entry.as_json())


@pytest.mark.django_db(transaction=True)
def test_audit_entries_are_logged_after_commit(caplog: pytest.LogCaptureFixture, user: User) -> None:
    with caplog.at_level(logging.INFO):
        record(Event.PROMOTED, "version 1", user=user)
        with transaction.atomic():
            record(Event.ROLLED_BACK, "version 1", user=user)
            transaction.set_rollback(True)
    lines = [json.loads(JsonLine().format(line)) for line in caplog.records if line.name == "core.audit"]
    told = [{name: line[name] for name in ("entry", "event", "user", "name", "target")} for line in lines]
    assert told[-1] == {
        "entry": AuditEntry.objects.get(target="version 1").pk,
        "event": "promoted",
        "user": user.pk,
        "name": "ada",
        "target": "version 1",
    }
    assert not AuditEntry.objects.filter(event=Event.ROLLED_BACK).exists()


def test_audit_entries_of_strangers_are_limited(monkeypatch: pytest.MonkeyPatch, user: User) -> None:
    monkeypatch.setattr(audit, "MAX_PER_ADDRESS", 3)
    requests = [RequestFactory(REMOTE_ADDR=address).get("/") for address in ("192.0.2.1", "192.0.2.2")]
    for request in requests:
        with acting(request):
            for _ in range(5):
                record(Event.REFUSED)
            record(Event.REFUSED, user=user)
    assert AuditEntry.objects.filter(event=Event.REFUSED, user_number=None).count() == 6
    assert AuditEntry.objects.filter(event=Event.REFUSED, user_number=user.pk).count() == 2


def test_entries_of_strangers_expire_sooner(user: User) -> None:
    for days in (1, 40, 400):
        for event, by in ((Event.LOGIN_FAILED, None), (Event.REFUSED, user), (Event.PROMOTED, None)):
            record(event, str(days), user=by)
            AuditEntry.objects.filter(pk=newest().pk).update(at=timezone.now() - datetime.timedelta(days=days))
    gone = set(expired(30, 365).values_list("event", "target"))
    kept = {(Event.REFUSED, "40"), (Event.PROMOTED, "40")}
    assert gone == {(event, "400") for event in (Event.LOGIN_FAILED, Event.REFUSED, Event.PROMOTED)} | {
        (Event.LOGIN_FAILED, "40")
    }
    assert not gone & kept


@pytest.fixture
def auditor(staff: User) -> User:
    return grant(staff, "view_auditentry")


@pytest.mark.parametrize("term", ["ADA", "192.0.2.1", "key 17"])
def test_the_admin_finds_by_name_address_and_target(auditor: User, user: User, term: str) -> None:
    request = RequestFactory(REMOTE_ADDR="192.0.2.1").get("/")
    with acting(request):
        record(Event.KEY_MADE, "key 17", user=user)
    record(Event.PROMOTED, "version 18")
    page = user_client(auditor).get(LOG, {"q": term}).content.decode()
    assert "key 17" in page
    assert "version 18" not in page


def test_admin_export_is_recorded(auditor: User) -> None:
    record(Event.PROMOTED, "=version")
    chosen = {"action": "export_csv", "_selected_action": [newest().pk]}
    answer = user_client(auditor).post(LOG, chosen)
    table = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    assert table.splitlines()[0].endswith('"id","at","event","user","user_name","key","address","target","facts"')
    assert '"promoted"' in table
    assert '"\'=version"' in table
    assert (newest().event, newest().user_number, newest().facts) == (Event.EXPORTED, auditor.pk, {"entries": 1})


def test_import_is_recorded(tmp_path: Any, user: User, reader: Any) -> None:
    (tmp_path / "labels.json").write_text("{}")
    run("import_corrections", tmp_path, "--user", "ada")
    assert (newest().event, newest().user_number, newest().facts) == (Event.IMPORTED, user.pk, {"pictures": 0})
