"""The sender of a request behind proxies, with forged headers."""

import runpy
from ipaddress import ip_network
from typing import Any

import pytest
from django.conf import settings as site
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


def test_forwarded_headers_are_ignored_by_default() -> None:
    assert seen(CLIENT, FORGED) == (CLIENT, None)


def test_no_forwarded_header_of_a_stranger_reaches_a_view() -> None:
    names = ("For", "Proto", "Host", "Port", "Prefix", "Server", "Ssl", "Scheme", "Anything")
    request = RequestFactory().get("/", REMOTE_ADDR=CLIENT, headers={f"X-Forwarded-{name}": "x" for name in names})
    TrustedProxies(lambda request: HttpResponse())(request)
    assert not [name for name in request.META if name.startswith("HTTP_X_FORWARDED")]


@pytest.mark.django_db
def test_script_name_header_changes_no_link() -> None:
    from digitsite.wsgi import application

    answers: list[Any] = []
    environ = RequestFactory()._base_environ(PATH_INFO="/accounts/", SCRIPT_NAME="/evil", HTTP_SCRIPT_NAME="/evil")
    application(environ, lambda *answer: answers.append(answer))
    [(status, headers)] = answers
    assert (status, dict(headers)["Location"]) == ("302 Found", "/accounts/login/?next=/accounts/")


def test_gunicorn_trusts_no_proxy() -> None:
    config = runpy.run_path(str(site.BASE_DIR / "digitsite" / "gunicorn.py"))
    assert (config["forwarded_allow_ips"], config["forwarder_headers"]) == ("", "")


@pytest.mark.parametrize("connected", ["10.0.0.7", "fd00::7"])
def test_a_trusted_proxy_names_the_sender(proxies: None, connected: str) -> None:
    assert seen(connected, CLIENT) == (CLIENT, "https")


def test_forged_sender_headers_are_ignored(proxies: None) -> None:
    assert seen("10.0.0.7", f"{FORGED}, {CLIENT}") == (CLIENT, "https")
    assert seen(CLIENT, FORGED) == (CLIENT, None)


def test_chain_of_trusted_proxies_is_skipped(proxies: None) -> None:
    assert seen("10.0.0.7", f"{FORGED}, {CLIENT}, 10.0.0.9") == (CLIENT, "https")


@pytest.mark.parametrize("words", ["", "unknown", "1.2.3.4:80, ", "'; DROP TABLE", "10.0.0.9,,"])
def test_invalid_forwarded_address_is_ignored(proxies: None, words: str) -> None:
    assert seen("10.0.0.7", words)[0] == "10.0.0.7"


def test_trust_proxy_trusts_every_connection(settings: Any) -> None:
    settings.TRUST_PROXY = True
    assert seen("198.51.100.1", f"{FORGED}, {CLIENT}") == (CLIENT, "https")
