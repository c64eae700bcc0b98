"""Only expired data is deleted, in chunks."""

import datetime
import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.files.storage import default_storage
from django.utils import timezone

from core.audit import record
from core.models import AuditEntry, Event
from keys.models import Key, Secret
from recognizer import predictions, retention
from recognizer.identity import NOBODY
from recognizer.models import Prediction, Usage, today
from recognizer.retention import purge, purge_hourly
from tests.factories import run, visitor_client

Make = Callable[..., Prediction]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "CHUNK", 2)
    monkeypatch.setattr(predictions, "ERASE_CHUNK", 2)


def seen(days_ago: int, make: Make, count: int = 1, visitor: uuid.UUID | None = None) -> list[Prediction]:
    """Store predictions of a visitor whose last visit was some days ago."""
    visitor = visitor or uuid.uuid4()
    Usage.objects.count_in((None, visitor), [1] * count)
    Usage.objects.filter(visitor=visitor).update(seen_on=today() - datetime.timedelta(days=days_ago))
    return [make(visitor=visitor) for _ in range(count)]


@pytest.mark.usefixtures("image_files")
def test_pictures_of_expired_visitors_are_deleted(make_prediction: Make, user: User) -> None:
    gone = seen(61, make_prediction, 5) + seen(400, make_prediction)
    stay = seen(60, make_prediction) + seen(0, make_prediction) + seen(400, make_prediction, visitor=NOBODY)
    stay.append(make_prediction(owner=user))
    assert dict(purge())["predictions of visitors"] == 6
    assert set(Prediction.objects.all()) == set(stay)
    assert not any(default_storage.exists(one.image.name) for one in gone)
    assert not Usage.objects.filter(visitor__in=[one.visitor for one in gone]).exists()


def test_sessions_tokens_and_old_audit_entries_are_deleted(user: User) -> None:
    now = timezone.now()
    for hours in (-1, 1):
        Session.objects.create(session_key=f"key {hours}", expire_date=now + datetime.timedelta(hours=hours))
        UserSession.objects.create(user=user, session_key=f"key {hours}", ip="192.0.2.1", user_agent="", data={})
    key = Key.objects.issue(user)[0]
    old = Secret.objects.get()
    key.renew(grace=datetime.timedelta(days=1))
    Secret.objects.filter(pk=old.pk).update(expiry=now - datetime.timedelta(seconds=1))
    record(Event.PROMOTED, "long ago")
    AuditEntry.objects.filter(target="long ago").update(at=now - datetime.timedelta(days=366))
    assert {"sessions": 1, "listed sessions": 1, "tokens": 1, "audit entries": 1}.items() <= dict(purge()).items()
    assert Session.objects.get().session_key == "key 1"
    assert Secret.objects.get().pk != old.pk
    assert not AuditEntry.objects.filter(target="long ago").exists()


def test_dry_run_of_purge_deletes_nothing(make_prediction: Make) -> None:
    seen(61, make_prediction, 3)
    assert "would delete 3 predictions of visitors" in run("purge", "--dry-run")[0]
    assert Prediction.objects.count() == 3
    assert "deleted 3 predictions of visitors" in run("purge")[0]


def test_stopping_worker_leaves_the_rest(make_prediction: Make) -> None:
    seen(61, make_prediction, 5)
    stopping = threading.Event()
    expired = retention.expired_kinds()[0]
    assert expired.delete() == 2
    stopping.set()
    purge_hourly(stopping)
    assert Prediction.objects.count() == 3
    purge_hourly(threading.Event())
    assert not Prediction.objects.exists()


@pytest.mark.usefixtures("image_files")
def test_predictions_of_an_older_release_are_counted(make_prediction: Make, user: User) -> None:
    rows = [make_prediction(owner=user) for _ in range(3)] + [make_prediction()]
    Prediction.objects.update(image_bytes=None)
    purge_hourly(threading.Event())
    assert Usage.objects.get(owner=user).predictions == 3
    assert Usage.objects.get(owner=user).image_bytes == sum(row.image.size for row in rows[:3])
    guest = Usage.objects.get(visitor=rows[3].visitor)
    assert (guest.predictions, guest.seen_on) == (1, today())
    assert not Prediction.objects.filter(image_bytes=None).exists()


@pytest.mark.usefixtures("image_files")
def test_missing_picture_counts_zero_bytes(make_prediction: Make) -> None:
    row = make_prediction()
    default_storage.delete(row.image.name)
    Prediction.objects.update(image_bytes=None)
    purge_hourly(threading.Event())
    assert Prediction.objects.get().image_bytes == 0


@pytest.mark.parametrize("settings_days", [{"VISITOR_IDLE_DAYS": 1, "RETAIN_VISITORS_DAYS": 1}])
def test_retention_days_are_settings(make_prediction: Make, settings: Any, settings_days: dict[str, int]) -> None:
    for name, days in settings_days.items():
        setattr(settings, name, days)
    seen(3, make_prediction)
    assert dict(purge())["predictions of visitors"] == 1


def test_any_visit_extends_the_cookie_once_a_day(make_prediction: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    visitor = uuid.uuid4()
    seen(29, make_prediction, visitor=visitor)
    client = visitor_client(visitor)
    assert "visitor" not in client.get("/history/").cookies
    later = timezone.now().timestamp() + 25 * 3600
    monkeypatch.setattr("django.core.signing.time.time", lambda: later)
    assert "visitor" in client.get("/history/").cookies
    assert Usage.objects.get(visitor=visitor).seen_on == today()
    assert "visitor" not in client.get("/history/").cookies


def test_expired_visitor_cookie_gives_no_identity(make_prediction: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    (row,) = seen(0, make_prediction)
    client = visitor_client(row.visitor)  # type: ignore[arg-type]
    assert client.get(f"/predictions/{row.pk}/").status_code == 200
    later = timezone.now().timestamp() + 31 * 24 * 3600
    monkeypatch.setattr("django.core.signing.time.time", lambda: later)
    assert client.get(f"/predictions/{row.pk}/").status_code == 404
