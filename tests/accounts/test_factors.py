"""Every log-in of an account with a second factor asks for it."""

import json
import time
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client, override_settings

from core.models import AuditEntry, Event
from tests.factories import grant, user_client

PASSWORD = "a long pass phrase"
ADD, CODES, ASKED = "/accounts/mfa/totp/activate/", "/accounts/mfa/recovery-codes/", "/accounts/mfa/authenticate/"
PASSKEY = "/accounts/mfa/webauthn/login/"

pytestmark = pytest.mark.django_db


def code_of(secret: str) -> str:
    """Return the app's current code, and forget used codes."""
    cache.clear()
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


def guarded(user: User) -> str:
    """Add an authenticator app to a user, and return its secret."""
    secret = generate_totp_secret()
    TOTP.activate(user, secret)
    return secret


def log_in(client: Client, **headers: str) -> Any:
    return client.post("/accounts/login/", {"login": "ada", "password": PASSWORD}, headers=headers)


def is_in(client: Client) -> bool:
    return client.get("/accounts/").status_code == 200


def test_added_app_is_required_at_log_in(user: User, django_capture_on_commit_callbacks: Any) -> None:
    client = user_client(user)
    assert "data:image/svg+xml" in client.get(ADD).content.decode()
    secret = client.session["mfa.totp.secret"]
    assert "wrong" in client.post(ADD, {"code": "000000"}).content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        assert client.post(ADD, {"code": code_of(secret)})["Location"] == CODES
    assert client.get(CODES).content.decode().count("<li><code>") == 10

    other = Client()
    assert log_in(other)["Location"] == ASKED
    assert not is_in(other)
    assert "wrong" in other.post(ASKED, {"code": "000000"}).content.decode()
    assert other.post(ASKED, {"code": code_of(secret)})["Location"] == "/history/"
    assert is_in(other)
    noted = AuditEntry.objects.filter(event__in=[Event.MFA_ADDED, Event.LOGIN_FAILED]).values_list(
        "event", "facts__factor"
    )
    added, failed = Event.MFA_ADDED, Event.LOGIN_FAILED
    assert set(noted) == {(added, "totp"), (added, "recovery_codes"), (failed, "totp")}


def test_code_logs_in_once(user: User) -> None:
    secret = guarded(user)
    code = code_of(secret)
    for client, answer in ((Client(), 302), (Client(), 200)):
        log_in(client)
        assert client.post(ASKED, {"code": code}).status_code == answer


def test_recovery_code_logs_in_once(user: User) -> None:
    client = user_client(user)
    client.get(ADD)
    client.post(ADD, {"code": code_of(client.session["mfa.totp.secret"])})
    code = client.get(f"{CODES}download/").content.decode().split()[0]
    for other, answer in ((Client(), 302), (Client(), 200)):
        log_in(other)
        assert other.post(ASKED, {"code": code}).status_code == answer
    assert client.get(CODES).content.decode().count("<li><code>") == 9


def test_code_attempts_are_limited(user: User) -> None:
    secret = guarded(user)
    client = Client()
    log_in(client)
    for _ in range(10):
        client.post(ASKED, {"code": "000000"})
    now = format_hotp_value(hotp_value(secret, int(time.time()) // 30))
    assert "Too many" in client.post(ASKED, {"code": now}).content.decode()


def test_second_factor_secret_is_encrypted(user: User) -> None:
    secret = guarded(user)
    assert secret not in json.dumps(Authenticator.objects.get().data)
    assert Authenticator.objects.get().wrap().validate_code(code_of(secret))


def test_earlier_secret_key_decrypts_second_factors(user: User, settings: Any) -> None:
    secret = guarded(user)
    with override_settings(SECRET_KEY="another" * 10, SECRET_KEY_FALLBACKS=[settings.SECRET_KEY]):
        assert Authenticator.objects.get().wrap().validate_code(code_of(secret))
    with override_settings(SECRET_KEY="another" * 10):
        assert not Authenticator.objects.get().wrap().validate_code(code_of(secret))


def test_code_confirms_a_logged_in_user(user: User) -> None:
    secret = guarded(user)
    client = user_client(user)
    session = client.session
    session["proved_at"] -= 3601
    session.save()
    answer = client.post("/api-access/", {"name": "scanner", "scopes": ["read"], "days": ""})
    assert "Use a code" in client.get(answer["Location"]).content.decode()
    again = "/accounts/mfa/reauthenticate/?next=/api-access/"
    assert client.post(again, {"code": code_of(secret)})["Location"] == "/api-access/"
    assert user.keys.count() == 1


@pytest.mark.parametrize("path", [ADD, "/accounts/mfa/webauthn/add/", "/accounts/mfa/recovery-codes/generate/"])
def test_factor_changes_need_a_recent_password(user: User, path: str) -> None:
    client = user_client(user)
    session = client.session
    session["proved_at"] -= 3601
    session.save()
    assert client.get(path)["Location"].startswith("/accounts/reauthenticate/")


def test_an_app_is_removed_with_the_codes(user: User) -> None:
    secret = guarded(user)
    client = user_client(user)
    client.post("/accounts/mfa/recovery-codes/generate/")
    assert Authenticator.objects.count() == 2
    client.post("/accounts/mfa/totp/deactivate/")
    assert not Authenticator.objects.exists()
    assert log_in(Client())["Location"] == "/history/"
    assert AuditEntry.objects.filter(event=Event.MFA_REMOVED).exists()
    assert secret


NONSENSE = [
    "", "{", "null", "5", "[]", "{}", '""', '{"id": 5}', '{"id": "a", "rawId": "a", "response": []}',
    '{"response": {"userHandle": 5}}', '{"response": {"userHandle": "////"}}',
    json.dumps({"id": "YQ", "rawId": "YQ", "type": "public-key", "response": {"userHandle": "enp6enp6enp6enp6eno",
        "clientDataJSON": "e30", "authenticatorData": "YQ", "signature": "YQ", "attestationObject": "YQ"}}),
    "[" * 100000,
]  # fmt: skip


@pytest.mark.parametrize("sent", NONSENSE, ids=range(len(NONSENSE)))
def test_invalid_passkey_is_refused(user: User, sent: str) -> None:
    stranger = Client()
    assert "challenge" in stranger.get(PASSKEY).json()["request_options"]["publicKey"]
    assert stranger.post(PASSKEY, {"credential": sent}).status_code == 302
    assert not is_in(stranger)
    client = user_client(user)
    client.get("/accounts/mfa/webauthn/add/")
    assert client.post("/accounts/mfa/webauthn/add/", {"name": "a", "credential": sent}).status_code == 200
    guarded(user)
    log_in(stranger)
    stranger.get(ASKED)
    assert stranger.post(ASKED, {"credential": sent}).status_code == 200
    assert not is_in(stranger)


def test_staff_remove_lost_factors(superuser: User, user: User, staff: User) -> None:
    guarded(user)
    guarded(staff)
    helper = grant(User.objects.create_user("helper", is_staff=True), "change_user", "view_user")
    for by, left in ((helper, {staff}), (superuser, set())):
        chosen = {"action": "remove_factors", "_selected_action": [user.pk, staff.pk]}
        user_client(by).post("/admin/auth/user/", chosen)
        assert {factor.user for factor in Authenticator.objects.all()} == left
    targets = AuditEntry.objects.filter(event=Event.MFA_REMOVED).values_list("target", flat=True)
    assert set(targets) == {f"user {user.pk}", f"user {staff.pk}"}


def test_code_logs_in_without_redis(user: User, settings: Any) -> None:
    from benchmarks.processes import free_port
    from tests.digitsite.test_sharing import redis_cache

    secret = guarded(user)
    settings.CACHES = redis_cache(f"redis://127.0.0.1:{free_port()}/0")
    settings.SESSION_ENGINE = "digitsite.sessions"
    client = Client()
    log_in(client)
    now = format_hotp_value(hotp_value(secret, int(time.time()) // 30))
    assert client.post(ASKED, {"code": now}).status_code == 302
    assert is_in(client)
