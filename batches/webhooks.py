"""Webhooks: POST to an address that the user chose, when a batch has ended.

The address is untrusted, and the site may run inside a private network. So the connection uses TLS, goes to exactly the
IP address that was checked to be public, and does not follow redirects.
"""

import contextlib
import datetime
import hashlib
import hmac
import json
import logging
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPSConnection
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any
from urllib.parse import SplitResult, urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop

from .models import MAX_ADDRESS_LENGTH, MAX_ATTEMPTS, Batch, Delivery, SigningSecret

logger = logging.getLogger(__name__)

SIGNATURE = "Digits-Signature"
TIMEOUT = 5.0
"""Seconds to wait for a connection, and for the next bytes."""

DEADLINE = 10.0
"""Seconds for one attempt in total."""

FIRST_DELAY, BACKOFF = datetime.timedelta(seconds=15), 4
"""Delay before the second attempt, and the factor by which each further delay grows."""

MAX_CONCURRENCY = 8
"""Concurrent deliveries of one process; most of their time is waiting for the network."""

PORTS = (443, 8443)
"""Allowed ports. With any port, users could make the site connect to other services."""

# Reserved, but not in every release of Python.
RESERVED = [
    ip_network(network)
    for network in (
        *("64:ff9b::/96", "64:ff9b:1::/48"),  # they embed an IPv4 address that a gateway would connect to
        *("192.0.0.0/24", "192.88.99.0/24"),  # IETF protocols, 6to4 relays
        *("2001::/23", "3fff::/20", "5f00::/16"),  # protocols, documentation, segment routing
    )
]

_is_url = URLValidator(schemes=["https"])
_room = threading.BoundedSemaphore(MAX_CONCURRENCY)


class NotPublic(Exception):
    """A host name resolves to an address that is not public."""


def check_address(address: str) -> None:
    """Check that a URL may be a webhook: HTTPS, no user name, an allowed port, no private IP address.

    A host name is resolved and checked at each delivery. Raises ValidationError.
    """
    if len(address) > MAX_ADDRESS_LENGTH or not (address.isascii() and address.isprintable()):
        raise ValidationError(gettext("Use at most %(number)d ASCII characters.") % {"number": MAX_ADDRESS_LENGTH})
    _is_url(address)
    parts = urlsplit(address)
    if "@" in parts.netloc or parts.fragment:
        raise ValidationError(gettext("Leave out the user name and the fragment."))
    if port_of(parts) not in PORTS:
        raise ValidationError(gettext("The port must be one of %(ports)s.") % {"ports": ", ".join(map(str, PORTS))})
    # A host name is not an IP address, and raises.
    with contextlib.suppress(ValueError):
        if not is_public(parts.hostname or ""):
            raise ValidationError(gettext("The address is not public."))


def port_of(parts: SplitResult) -> int | None:
    """Return the port of a URL; None if it is invalid."""
    try:
        return 443 if parts.port is None else parts.port
    except ValueError:
        return None


def is_public(address: str) -> bool:
    """Return whether an IP address is public: globally routable, not private, and not translated by a gateway."""
    ip = ip_address(address)
    if isinstance(ip, IPv6Address) and (ip.ipv4_mapped or ip.sixtofour or ip.teredo or ip.is_site_local):
        return False
    if any(ip in network for network in RESERVED):
        return False
    return ip.is_global and not (ip.is_private or ip.is_multicast or ip.is_reserved or ip.is_unspecified)


def resolve(host: str, port: int) -> list[str]:
    """Return the IP addresses of a host name. Raises OSError, or UnicodeError if it cannot be a host name."""
    entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return list(dict.fromkeys(str(entry[4][0]) for entry in entries))


def public_addresses(host: str, port: int) -> list[str]:
    """Return the IP addresses of a host name. Raises NotPublic if any is not public, and as `resolve`."""
    addresses = resolve(host, port)
    if not all(map(is_public, addresses)):
        raise NotPublic()
    return addresses


def dial(addresses: list[str], port: int, until: float) -> socket.socket:
    """Connect to the first IP address that answers. until: deadline by the monotonic clock. Raises OSError."""
    for address in addresses:
        if time.monotonic() < until:
            # An IP address, so nothing is resolved again after the check.
            with contextlib.suppress(OSError):
                return socket.create_connection((address, port), timeout=TIMEOUT)
    raise ConnectionError("no address of the host answers")


@contextmanager
def connected(parts: SplitResult) -> Iterator[HTTPSConnection]:
    """Open a TLS connection to a URL, for DEADLINE seconds at most.

    Raises NotPublic, also for a port not in PORTS; OSError; or UnicodeError if the host name is invalid.
    """
    host, port = parts.hostname or "", port_of(parts)
    # A stored URL may date from a time when more ports were allowed.
    if port not in PORTS:
        raise NotPublic()
    until = time.monotonic() + DEADLINE
    plain = dial(public_addresses(host, port), port, until)
    context = ssl.create_default_context()
    with context.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False) as secured:
        # Also cuts off a server that sends one byte every few seconds.
        alarm = threading.Timer(until - time.monotonic(), _cut_off, [secured])
        alarm.daemon = True
        alarm.start()
        try:
            secured.do_handshake()
            http = HTTPSConnection(host, port, context=context)
            http.sock = secured
            yield http
        finally:
            alarm.cancel()


def _cut_off(secured: ssl.SSLSocket) -> None:
    # Shut down the plain socket: this wakes the thread that is blocked in TLS.
    with contextlib.suppress(OSError):
        socket.socket.shutdown(secured, socket.SHUT_RDWR)


def sign(secret: str, body: bytes, at: int) -> str:
    """Return the signature header: Unix time, and HMAC-SHA256 of "time.body" in hex."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def message(batch: Batch) -> bytes:
    payload = {
        "id": batch.pk,
        "name": batch.name,
        "state": batch.state,
        "total": batch.total,
        "read": batch.read,
        "refused": batch.refused,
        "error": batch.error,
        "model_version": batch.model_version.name if batch.model_version else None,
        "created_at": batch.created_at.isoformat(),
        "finished_at": batch.finished_at.isoformat() if batch.finished_at else None,
    }
    return json.dumps({"event": "batch.finished", "batch": payload}).encode()


@dataclass(frozen=True)
class Outcome:
    """Result of an attempt: the HTTP status, or None without an answer; and why it failed, or ""."""

    status: int | None
    failure: str = ""


def send(address: str, body: bytes, secret: str) -> Outcome:
    """Post a message to a webhook once, signed with a secret."""
    parts = urlsplit(address)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "digit-reader",
        SIGNATURE: sign(secret, body, int(time.time())),
    }
    try:
        with connected(parts) as http:
            http.request("POST", target, body, headers)
            status = http.getresponse().status
    except NotPublic:
        return Outcome(None, gettext_noop("The host name resolves to an address that is not public."))
    except ssl.SSLCertVerificationError:
        return Outcome(None, gettext_noop("The certificate is not trusted for this host name."))
    except TimeoutError:
        return Outcome(None, gettext_noop("There was no answer in time."))
    except socket.gaierror:
        return Outcome(None, gettext_noop("The host name was not found."))
    # UnicodeError, for an invalid host name, is a ValueError.
    except (OSError, HTTPException, ValueError):
        return Outcome(None, gettext_noop("The connection failed, or took too long."))
    if 200 <= status < 300:
        return Outcome(status)
    return Outcome(
        status,
        gettext_noop("Redirects are not followed.")
        if 300 <= status < 400
        else gettext_noop("The receiver did not accept it."),
    )


def attempt(delivery: Delivery) -> None:
    """Attempt a leased delivery and record the result."""
    batch = delivery.batch
    outcome = send(batch.webhook, message(batch), SigningSecret.objects.of(batch.owner).secret)
    now = timezone.now()
    if not outcome.failure:
        result: dict[str, Any] = {"state": Delivery.State.DELIVERED}
    # 410 Gone.
    elif delivery.attempts >= MAX_ATTEMPTS or outcome.status == 410:
        result = {"state": Delivery.State.GIVEN_UP}
    else:
        result = {"lease_until": None, "due_at": now + FIRST_DELAY * BACKOFF ** (delivery.attempts - 1)}
    with transaction.atomic():
        # Unless the batch was deleted, or another worker has the lease.
        if Delivery.objects.held(delivery.pk, delivery.fence).update(**result):
            delivery.log.create(at=now, status=outcome.status, failure=outcome.failure)


def deliver_due(stopping: threading.Event) -> None:
    """Start all due deliveries, each in a thread, up to MAX_CONCURRENCY at once."""
    while not stopping.is_set() and _room.acquire(blocking=False):
        try:
            delivery = Delivery.objects.take()
            if delivery is not None:
                threading.Thread(target=_deliver, args=(delivery,), name="webhook", daemon=True).start()
        except BaseException:
            _room.release()
            raise
        if delivery is None:
            _room.release()
            return


def _deliver(delivery: Delivery) -> None:
    try:
        attempt(delivery)
    except DatabaseError as error:
        logger.warning("%s is tried again: %s", delivery, error)
    finally:
        connection.close()
        _room.release()
