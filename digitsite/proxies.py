"""Find the client's address behind proxies. Anybody can send forwarded headers; only trusted proxies are believed."""

from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address

from django.conf import settings
from django.http import HttpRequest, HttpResponse

SAID_BY_PROXIES = "HTTP_X_FORWARDED_"
"""Prefix of the headers that only proxies may send."""

FORWARDED = "digitsite.forwarded"
"""META key of whether an untrusted proxy forwarded the request, so that its address is not the client's."""


class TrustedProxies:
    """Set REMOTE_ADDR to the client's address that trusted proxies forward, and drop forwarded headers of others.

    With TRUSTED_PROXIES, only connections from these networks are believed, and forwarded addresses in these networks
    are skipped as further proxies. With TRUST_PROXY alone, every connection is believed about the last address.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        meta = request.META
        if settings.TRUST_PROXY or is_proxy(meta["REMOTE_ADDR"]):
            meta["REMOTE_ADDR"] = sender(meta["REMOTE_ADDR"], meta.get("HTTP_X_FORWARDED_FOR", ""))
        else:
            said = [name for name in meta if name.startswith(SAID_BY_PROXIES)]
            meta[FORWARDED] = bool(said)
            for name in said:
                del meta[name]
        return self.get_response(request)


def sender(connected: str, forwarded: str) -> str:
    """Return the last address in X-Forwarded-For that is not a trusted proxy. Anything invalid ends the search."""
    for word in reversed(forwarded.split(",")):
        address = word.strip()
        if not is_address(address):
            break
        connected = address
        if not is_proxy(address):
            break
    return connected


# The same few proxies come with every request.
@lru_cache(maxsize=1024)
def is_in(address: str, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    return is_address(address) and any(ip_address(address) in network for network in networks)


def is_proxy(address: str) -> bool:
    return is_in(address, tuple(settings.TRUSTED_PROXIES))


def is_address(word: str) -> bool:
    try:
        ip_address(word)
    except ValueError:
        return False
    return True
