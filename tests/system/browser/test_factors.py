"""Second factors in the browser."""

import time
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from .conftest import fill_in_login, log_in
from .inspection import SCHEMES, Inspection, Scheme

PASSWORD = "a long pass phrase"
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def log_out(page: Page) -> None:
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("link", name="Log in")).to_be_visible()
    page.goto("/accounts/login/")


@pytest.mark.essential
def test_passkey_logs_in_with_and_without_a_password(page: Page, user: User, settings: Any) -> None:
    settings.MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = True
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    log_in(page, user)
    page.goto("/accounts/mfa/")
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Name").fill("My laptop")
    page.get_by_role("button", name="Add it").click()
    expect(page.get_by_role("list", name="Unused codes").get_by_role("listitem")).to_have_count(10)
    log_out(page)
    page.get_by_role("button", name="Log in with a passkey").click()
    expect(page.get_by_role("link", name="ada")).to_be_visible()
    log_out(page)
    fill_in_login(page, "ada", PASSWORD)
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("link", name="ada")).to_be_visible()


def test_unknown_passkey_is_refused(page: Page, user: User) -> None:
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    page.goto("/accounts/login/")
    page.get_by_role("button", name="Log in with a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("The passkey did not work")


def test_log_in_asks_for_the_apps_code(page: Page, user: User) -> None:
    secret = generate_totp_secret()
    TOTP.activate(user, secret)
    page.goto("/accounts/login/")
    fill_in_login(page, "ada", PASSWORD)
    page.get_by_label("Code").fill(format_hotp_value(hotp_value(secret, int(time.time()) // 30)))
    page.get_by_role("main").get_by_role("button", name="Log in", exact=True).click()
    expect(page.get_by_role("link", name="ada")).to_be_visible()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_account_pages_are_accessible(page: Page, user: User, scheme: Scheme) -> None:
    inspection = Inspection(page, scheme)
    inspection.open("/accounts/password/reset/", "/accounts/password/reset/sent/", "/accounts/password/reset/key/1-a/")
    log_in(page, user)
    EmailAddress.objects.create(user=user, email="ada@example.org", verified=True, primary=True)
    EmailAddress.objects.create(user=user, email="new@example.org")
    inspection.open("/accounts/", "/accounts/sessions/", "/accounts/email/", "/accounts/mfa/totp/activate/")
    TOTP.activate(user, generate_totp_secret())
    RecoveryCodes.activate(user)
    passkey = Authenticator.objects.create(user=user, type="webauthn", data={"name": "My laptop"})
    inspection.open(
        "/accounts/mfa/",
        "/accounts/mfa/totp/deactivate/",
        "/accounts/mfa/recovery-codes/",
        "/accounts/mfa/recovery-codes/generate/",
        "/accounts/mfa/webauthn/",
        f"/accounts/mfa/webauthn/keys/{passkey.pk}/edit/",
        f"/accounts/mfa/webauthn/keys/{passkey.pk}/remove/",
        "/accounts/mfa/reauthenticate/",
        "/accounts/reauthenticate/",
    )
    passkey.delete()
    inspection.open("/accounts/mfa/webauthn/add/")
    inspection.check()
