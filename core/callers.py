"""Who counts as one caller in rate limits and wrong passwords."""

from ipaddress import IPv6Address, IPv6Network, ip_address

from django.http import HttpRequest

PREFIX = 64
"""Prefix length of an IPv6 network. One customer usually has all addresses of such a network."""


def counted_address(address: str) -> str:
    """Return what an address counts as: IPv6 as its /64 network, IPv4-mapped IPv6 as the IPv4 address.

    Anything else is returned unchanged.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(IPv6Network((int(parsed), PREFIX), strict=False).network_address)


def address_of(request: HttpRequest) -> str:
    """Return what the address of a request counts as."""
    return counted_address(request.META.get("REMOTE_ADDR", ""))


def caller_of(request: HttpRequest) -> str:
    """Return a name for the sender of a request: the user, or what the address counts as."""
    return f"user {request.user.pk}" if request.user.is_authenticated else address_of(request)
