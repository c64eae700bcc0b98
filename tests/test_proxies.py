"""Who sent a request, where proxies stand between and anybody may write headers."""

from ipaddress import ip_network
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from digitsite.proxies import TrustedProxies

FORGED = "192.0.2.66"
CLIENT = "203.0.113.5"


def seen(connected: str, forwarded: str) -> tuple[str, str | None]:
    """Return the address and the forwarded protocol that views see."""
    requests: list[HttpRequest] = []

    def answer(request: HttpRequest) -> HttpResponse:
        requests.append(request)
        return HttpResponse()

    headers = {"X-Forwarded-For": forwarded, "X-Forwarded-Proto": "https"}
    TrustedProxies(answer)(RequestFactory().get("/", REMOTE_ADDR=connected, headers=headers))
    (request,) = requests
    return request.META["REMOTE_ADDR"], request.META.get("HTTP_X_FORWARDED_PROTO")


@pytest.fixture
def proxies(settings: Any) -> None:
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


def test_nobody_is_believed_unless_told_otherwise() -> None:
    assert seen(CLIENT, FORGED) == (CLIENT, None)


@pytest.mark.parametrize("connected", ["10.0.0.7", "fd00::7"])
def test_a_trusted_proxy_names_the_sender(proxies: None, connected: str) -> None:
    assert seen(connected, CLIENT) == (CLIENT, "https")


def test_what_the_sender_says_of_itself_is_not_believed(proxies: None) -> None:
    assert seen("10.0.0.7", f"{FORGED}, {CLIENT}") == (CLIENT, "https")
    assert seen(CLIENT, FORGED) == (CLIENT, None)


def test_a_chain_of_proxies_is_passed_over(proxies: None) -> None:
    assert seen("10.0.0.7", f"{FORGED}, {CLIENT}, 10.0.0.9") == (CLIENT, "https")


@pytest.mark.parametrize("words", ["", "unknown", "1.2.3.4:80, ", "'; DROP TABLE", "10.0.0.9,,"])
def test_what_is_no_address_is_passed_on_to_nobody(proxies: None, words: str) -> None:
    assert seen("10.0.0.7", words)[0] == "10.0.0.7"


def test_with_the_switch_whoever_connects_is_believed_about_the_last_address(settings: Any) -> None:
    settings.TRUST_PROXY = True
    assert seen("198.51.100.1", f"{FORGED}, {CLIENT}") == (CLIENT, "https")
