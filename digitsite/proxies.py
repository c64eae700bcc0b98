"""Whom to believe about the sender: anybody can write forwarded headers, unless a proxy of ours stands between."""

from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address

from django.conf import settings
from django.http import HttpRequest, HttpResponse

SAID_BY_PROXIES = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PORT")


class TrustedProxies:
    """Set REMOTE_ADDR to the sender that trusted proxies name, and drop what others say of themselves.

    With TRUSTED_PROXIES a connection from one of these networks is believed, and every address it passes on that is
    in them too is one more proxy. With TRUST_PROXY alone whoever connects is believed about the last address.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        meta = request.META
        if settings.TRUST_PROXY or is_proxy(meta["REMOTE_ADDR"]):
            meta["REMOTE_ADDR"] = sender(meta["REMOTE_ADDR"], meta.get("HTTP_X_FORWARDED_FOR", ""))
        else:
            for name in SAID_BY_PROXIES:
                meta.pop(name, None)
        return self.get_response(request)


def sender(connected: str, forwarded: str) -> str:
    """Return the first address, from the last, that is none of our proxies; what is no address ends the search."""
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
def _lies_in(address: str, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    return is_address(address) and any(ip_address(address) in network for network in networks)


def is_proxy(address: str) -> bool:
    return _lies_in(address, tuple(settings.TRUSTED_PROXIES))


def is_address(word: str) -> bool:
    try:
        ip_address(word)
    except ValueError:
        return False
    return True
