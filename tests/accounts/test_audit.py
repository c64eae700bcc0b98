import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from core.models import AuditEntry, Event
from tests.factories import user_client

pytestmark = pytest.mark.django_db

WORD = "a long pass phrase"


def told(event: Event) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(event=event).order_by("pk"))


def test_log_ins_and_log_outs_are_recorded(client: Client, user: User) -> None:
    client.post("/accounts/login/", {"login": "ada", "password": WORD})
    client.post("/accounts/logout/")
    for event in (Event.LOGGED_IN, Event.LOGGED_OUT):
        (entry,) = told(event)
        assert (entry.user_number, entry.address) == (user.pk, "127.0.0.1")


@pytest.mark.parametrize(("name", "target"), [("ada", "user"), ("my secret word", "an unknown name")])
def test_failed_log_in_records_an_account_not_the_input(client: Client, user: User, name: str, target: str) -> None:
    client.post("/accounts/login/", {"login": name, "password": "a guess"})
    (entry,) = told(Event.LOGIN_FAILED)
    assert entry.target == (f"user {user.pk}" if target == "user" else target)
    assert entry.user_number is None
    assert "a guess" not in str(entry.as_json())


def test_new_staff_rights_are_recorded(user: User, superuser: User) -> None:
    permission = Permission.objects.get(codename="view_prediction")
    group = Group.objects.create(name="reviewers")
    user.user_permissions.add(permission)
    group.permissions.add(permission)
    user.groups.add(group)
    user.groups.clear()
    user.is_staff = True
    user.save()
    user.save()
    facts = [entry.facts for entry in told(Event.PERMISSIONS_CHANGED)]
    name = "recognizer.view_prediction"
    assert facts == [
        {"given": name},
        {"given": name},
        {"given": f"group {group.pk}"},
        {"cleared": "all"},
        {"is_staff": True},
    ]


def test_admin_changes_are_recorded_without_values(user: User, superuser: User) -> None:
    client = user_client(superuser)
    form = {
        "username": "ada",
        "first_name": "Very private",
        "is_active": "on",
        "date_joined_0": "",
        "date_joined_1": "",
    }
    assert client.post(f"/admin/auth/user/{user.pk}/change/", form).status_code == 302
    (entry,) = told(Event.CHANGED_BY_STAFF)
    assert (entry.user_number, entry.target) == (superuser.pk, f"user {user.pk}")
    assert entry.facts == {"how": "Change", "fields": "First name"}


def test_deleted_account_leaves_only_its_number(client: Client, user: User) -> None:
    client.post("/accounts/login/", {"login": "ada", "password": WORD})
    number = user.pk
    client.post("/accounts/erase/", {"password": WORD})
    (entry,) = told(Event.ERASED)
    assert (entry.user_number, entry.target) == (number, f"user {number}")
    assert not AuditEntry.objects.filter(user_name="ada").exists()


def test_name_of_deleted_staff_stays_in_the_audit_log(staff: User, superuser: User) -> None:
    user_client(staff).get("/")
    staff.delete()
    assert AuditEntry.objects.filter(user_name="grace", event=Event.LOGGED_IN).exists()
