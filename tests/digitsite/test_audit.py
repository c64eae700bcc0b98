import pytest
from django.contrib.auth.models import User
from django.db import OperationalError
from django.test import Client

from core.models import AuditEntry, Event
from digitsite import audit
from tests.factories import user_client

pytestmark = pytest.mark.django_db


def refusals() -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(event=Event.REFUSED))


def test_refused_page_is_recorded_by_view_and_row(staff: User) -> None:
    assert user_client(staff).post("/dashboard/runs/17/cancel/").status_code == 403
    (entry,) = refusals()
    assert (entry.user_number, entry.target) == (staff.pk, "training-run-cancel")
    assert entry.facts == {"method": "POST", "status": 403, "row": 17}


def test_wrong_key_is_recorded_without_the_key(client: Client) -> None:
    assert client.get("/api/v1/predictions/", headers={"Authorization": "Bearer madeup"}).status_code == 401
    (entry,) = refusals()
    assert (entry.user_number, entry.target) == (None, "api:predictions-list")
    assert "madeup" not in str(entry.as_json())


def test_refusal_works_if_it_cannot_be_recorded(staff: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **facts: object) -> None:
        raise OperationalError("away")

    monkeypatch.setattr(audit, "record", fail)
    assert user_client(staff).post("/dashboard/retrain/").status_code == 403


def test_allowed_request_is_not_recorded_as_refused(client: Client) -> None:
    assert client.get("/history/").status_code == 200
    assert not refusals()
