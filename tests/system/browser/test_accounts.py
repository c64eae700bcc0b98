"""Log-in, log-out and API keys in the browser."""

import base64
import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from recognizer.models import Prediction

from .conftest import OpenPage, fill_in_login, log_in


def upload(page: Page, content: bytes) -> None:
    page.goto("/upload/")
    page.locator("#choose").set_input_files({"name": "digit.png", "mimeType": "image/png", "buffer": content})
    expect(page.get_by_role("link", name="View the reading")).to_be_visible()


def log_out(page: Page) -> None:
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("link", name="Log in")).to_be_visible()


@pytest.mark.essential
def test_sign_up_keeps_the_visitors_predictions(
    page: Page, open_page: OpenPage, mnist_pictures: dict[int, bytes]
) -> None:
    upload(page, mnist_pictures[7])
    page.goto("/history/")
    page.get_by_role("main").get_by_role("link", name="Sign up").click()
    page.get_by_label("Username").fill("emmy")
    page.get_by_label("Password", exact=True).fill("an ideal ring")
    page.get_by_label("Repeat password").fill("an ideal ring")
    page.get_by_role("button", name="Sign up").click()
    expect(page.locator(".messages")).to_contain_text("Welcome, emmy.")
    expect(page.locator(".card-text")).to_have_text(["7"])
    assert Prediction.objects.get().owner == User.objects.get(username="emmy")

    log_out(page)
    page.goto("/history/")
    expect(page.get_by_text("No pictures yet.")).to_be_visible()

    elsewhere = open_page()
    elsewhere.goto("/accounts/login/")
    fill_in_login(elsewhere, "emmy", "an ideal ring")
    expect(elsewhere.locator(".card-text")).to_have_text(["7"])


def test_weak_password_shows_the_reason_at_its_field(page: Page) -> None:
    page.goto("/accounts/signup/")
    page.get_by_label("Username").fill("emmy")
    page.get_by_label("Password", exact=True).fill("123456")
    page.get_by_label("Repeat password").fill("123456")
    page.get_by_role("button", name="Sign up").click()
    field = page.get_by_label("Password", exact=True)
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#id_password1_error")).to_contain_text("too short")
    assert "id_password1_error" in (field.get_attribute("aria-describedby") or "")


def test_log_in_keeps_the_visitors_predictions(page: Page, user: Any, mnist_pictures: dict[int, bytes]) -> None:
    upload(page, mnist_pictures[2])
    page.goto("/accounts/login/")
    fill_in_login(page, "ada", "a long pass phrase")
    page.wait_for_url("**/history/")
    expect(page.locator(".card-text")).to_have_text(["2"])


@pytest.mark.essential
def test_wrong_password_is_refused(page: Page, user: Any) -> None:
    page.goto("/accounts/login/")
    fill_in_login(page, "ada", "not hers")
    expect(page.locator(".errorlist")).to_contain_text("correct username and password")


def test_a_password_is_changed(page: Page, user: User) -> None:
    log_in(page, user)
    page.goto("/history/")
    page.get_by_role("link", name="ada").click()
    page.get_by_role("link", name="Change the password").or_(page.get_by_label("Current password")).first.click()
    page.get_by_label("Current password").fill("a long pass phrase")
    page.get_by_label("New password", exact=True).fill("another long phrase")
    page.get_by_label("Repeat new password").fill("another long phrase")
    page.get_by_role("button", name="Change it").click()
    expect(page.get_by_role("status")).to_have_text("Your password is changed.")
    user.refresh_from_db()
    assert user.check_password("another long phrase")


@pytest.mark.essential
def test_key_is_created_used_renewed_and_revoked(
    page: Page, site: str, user: Any, mnist_pictures: dict[int, bytes]
) -> None:
    log_in(page, user)
    page.goto("/history/")
    page.get_by_role("link", name="API", exact=True).click()
    page.get_by_text("Create a key").click()
    form = page.locator("details[open]")
    form.get_by_label("Name").fill("scanner")
    form.get_by_label("batch: send, follow and delete batches").uncheck()
    form.get_by_label("Expires").select_option("in 365 days")
    page.get_by_role("button", name="Create key").click()
    token = page.locator("#fresh-token").inner_text().strip()
    for example in ("curl", "python", "javascript"):
        expect(page.locator(f"#example-{example}")).to_contain_text(token)

    def call() -> dict[str, Any]:
        picture = base64.b64encode(mnist_pictures[8]).decode()
        request = urllib.request.Request(
            f"{site}/api/v1/predictions/",
            json.dumps({"image": f"data:image/png;base64,{picture}"}).encode(),
            {"Authorization": f"Token {token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            return dict(json.load(answer))

    assert call()["text"] == "8"
    assert Prediction.objects.get().owner == user

    page.goto("/api-access/")
    expect(page.locator("#fresh-token")).to_have_count(0)
    page.get_by_role("link", name="scanner").click()
    expect(page.get_by_label("Calls per day over 30 days, 1 in total")).to_be_visible()
    page.get_by_role("button", name="Create a new token").click()
    with pytest.raises(urllib.error.HTTPError, match="401"):
        call()
    token = page.locator("#fresh-token").inner_text().strip()
    assert call()["text"] == "8"

    page.get_by_role("link", name="scanner").click()
    page.get_by_text("Revoke this key…").click()
    page.get_by_role("button", name="Revoke key").click()
    expect(page.get_by_role("status")).to_have_text("Key revoked.")
    with pytest.raises(urllib.error.HTTPError, match="401"):
        call()


def test_api_example_can_be_copied(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/api-access/")
    page.get_by_role("button", name="Copy").first.click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()").startswith("curl http")
