from typing import Any

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


def test_privacy_page_shows_the_configured_days(client: Client, settings: Any) -> None:
    settings.VISITOR_IDLE_DAYS, settings.RETAIN_VISITORS_DAYS = 11, 12
    settings.RETAIN_AUDIT_DAYS, settings.RETAIN_FAILED_LOGINS_DAYS = 13, 14
    page = client.get("/privacy/").content.decode()
    for words in ("After 11 days without a visit", "12 days later", "keys: 13 days", "log-ins: 14 days"):
        assert words in page


@pytest.mark.parametrize("path", ["/", "/upload/", "/accounts/signup/"])
def test_every_page_links_to_the_privacy_page(client: Client, path: str) -> None:
    assert client.get(path).content.decode().count('href="/privacy/"') >= (1 if path == "/" else 2)
