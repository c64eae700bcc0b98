"""Webhooks: a sender is told at an address of its own that a batch has ended.

The address is a stranger's, and the site stands inside a network. So the connection is TLS, goes to the very address
that was found public, and follows nobody further.
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
from urllib.parse import SplitResult, urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from .models import LONGEST_ADDRESS, MOST_ATTEMPTS, Batch, Delivery, SigningSecret

logger = logging.getLogger(__name__)

SIGNATURE = "Digits-Signature"
PATIENCE = 5.0
"""Seconds to wait for a connection, and for the next bytes."""

DEADLINE = 10.0
"""Seconds that an answer may take in all."""

FIRST_REST, GROWTH = datetime.timedelta(seconds=15), 4
"""The time until a second attempt, and how many times longer each rest is than the one before."""

AT_ONCE = 8
"""Deliveries of one process at the same time: most of it is waiting for others."""

# They carry an IPv4 address inside, which a gateway would go to.
NAT64 = ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48")

_is_url = URLValidator(schemes=["https"])
_room = threading.BoundedSemaphore(AT_ONCE)


class NotPublic(Exception):
    """A name leads to an address that is not on the public network."""


def check_address(address: str) -> None:
    """Hold an address to what a webhook may be: HTTPS, without a user, at no address that is not public.

    Where its name leads is asked when it is delivered. Raises ValidationError.
    """
    if len(address) > LONGEST_ADDRESS or not (address.isascii() and address.isprintable()):
        raise ValidationError(f"It has at most {LONGEST_ADDRESS} ASCII letters.")
    _is_url(address)
    parts = urlsplit(address)
    if "@" in parts.netloc or parts.fragment:
        raise ValidationError("It has neither a user nor a fragment.")
    try:
        parts.port  # noqa: B018  # read to be checked
    except ValueError as error:
        raise ValidationError("There is no such port.") from error
    # A name is no number, and raises.
    with contextlib.suppress(ValueError):
        if not is_public(parts.hostname or ""):
            raise ValidationError("It is no address on the public network.")


def is_public(address: str) -> bool:
    """Tell whether an IP address is one that everybody on the internet can reach, and nothing of ours or a gateway."""
    ip = ip_address(address)
    if isinstance(ip, IPv6Address) and (
        ip.ipv4_mapped or ip.sixtofour or ip.teredo or ip.is_site_local or any(ip in network for network in NAT64)
    ):
        return False
    return ip.is_global and not (ip.is_private or ip.is_multicast or ip.is_reserved or ip.is_unspecified)


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses that a name has now. Raises OSError, or UnicodeError for what cannot be a name."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def public_addresses(host: str, port: int) -> list[str]:
    """Return the addresses of a name, all of which are public. Raises NotPublic, and as `resolve`."""
    addresses = resolve(host, port)
    if not all(map(is_public, addresses)):
        raise NotPublic()
    return addresses


def dial(addresses: list[str], port: int, until: float) -> socket.socket:
    """Connect to the first of some addresses that answers, by a moment of the monotonic clock. Raises OSError."""
    for address in addresses:
        if time.monotonic() < until:
            # A number: nobody is asked where it leads.
            with contextlib.suppress(OSError):
                return socket.create_connection((address, port), timeout=PATIENCE)
    raise ConnectionError("none of its addresses answers")


@contextmanager
def connected(parts: SplitResult) -> Iterator[HTTPSConnection]:
    """Connect to an address by TLS, for as long as the context lasts, DEADLINE at most.

    Raises NotPublic, OSError, or UnicodeError for what cannot be a name.
    """
    host, port = parts.hostname or "", parts.port or 443
    until = time.monotonic() + DEADLINE
    plain = dial(public_addresses(host, port), port, until)
    context = ssl.create_default_context()
    with context.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False) as secured:
        # Whoever sends a letter every few seconds is cut off too.
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
    # The plain socket's way: TLS has a thread in it, which this wakes.
    with contextlib.suppress(OSError):
        socket.socket.shutdown(secured, socket.SHUT_RDWR)


def sign(secret: str, body: bytes, at: int) -> str:
    """Return what the header says: the moment, in seconds since 1970, and the HMAC-SHA256 of "moment.body" in hex."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def message(batch: Batch) -> bytes:
    told = {
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
    return json.dumps({"event": "batch.finished", "batch": told}).encode()


@dataclass(frozen=True)
class Outcome:
    """What came of an attempt: the status, None where nothing was answered; and why it failed, "" where it did not."""

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
        return Outcome(None, "The name leads to an address that is not public.")
    except ssl.SSLCertVerificationError:
        return Outcome(None, "The certificate is not one that is trusted for this name.")
    except TimeoutError:
        return Outcome(None, "There was no answer in time.")
    except socket.gaierror:
        return Outcome(None, "The name leads nowhere.")
    # UnicodeError, of a name that cannot be one, is a ValueError.
    except (OSError, HTTPException, ValueError):
        return Outcome(None, "The connection failed, or took too long.")
    if 200 <= status < 300:
        return Outcome(status)
    return Outcome(status, "Redirects are not followed." if 300 <= status < 400 else "It was not accepted.")


def attempt(delivery: Delivery) -> None:
    """Try a delivery that was taken, and write down what came of it."""
    batch = delivery.batch
    outcome = send(batch.webhook, message(batch), SigningSecret.objects.of(batch.owner).secret)
    now = timezone.now()
    if not outcome.failure:
        result = {"state": Delivery.State.DELIVERED}
    # Gone, by its own word.
    elif delivery.attempts >= MOST_ATTEMPTS or outcome.status == 410:
        result = {"state": Delivery.State.GIVEN_UP}
    else:
        result = {"due_at": now + FIRST_REST * GROWTH ** (delivery.attempts - 1)}
    with transaction.atomic():
        # Unless the batch is erased, or another has taken it for dead meanwhile.
        if Delivery.objects.held(delivery).update(**result):
            delivery.log.create(at=now, status=outcome.status, failure=outcome.failure)


def deliver_due(stopping: threading.Event) -> None:
    """Start on every delivery that is due, each in a thread of its own, as many at once as there may be."""
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
