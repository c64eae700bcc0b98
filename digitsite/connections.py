"""Additions to waitress's connections: large bodies, too many requests, and closing after a refusal."""

import json
import select
import time
from collections.abc import Iterable
from contextlib import suppress
from io import RawIOBase
from socket import SHUT_WR, socket
from typing import Any
from weakref import WeakSet
from wsgiref.types import StartResponse, WSGIApplication

from django.utils import translation
from django.utils.translation import gettext, gettext_noop
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher, WSGITask
from waitress.utilities import Error, RequestEntityTooLarge

from core.fair_semaphore import at_work
from recognizer.api.codes import Code
from recognizer.metrics import REFUSED, WAITING

from .languages import language_of

MAX_WAITING = 64
"""Queue length for threads. If all are previews of single digits, the last one waits well under a second."""

MAX_BODY_IN_MEMORY = 64 * 1024
"""Bodies larger than this, in bytes, are buffered on disk."""

MAX_ON_DISK = 512 * 1024 * 1024
"""Limit of all bodies that a process buffers, in bytes. Beyond it, large bodies are refused."""

TIMEOUT = 30
"""Seconds without progress after which a connection is closed."""

CLOSING_TIMEOUT = 5
"""The same on a connection that has got its last answer."""

ACCEPTED_AT_ONCE = 64
"""Connections accepted in one round of events. A round costs as much as there are open connections."""

MAX_SENDING, MAX_SENDING_LARGE = 300.0, 3600.0
"""Seconds that a request may take to arrive, and one with a large body."""

ALWAYS_ANSWERED = "/healthz"

OVERLOADED = gettext_noop("The site is busy. Try again in a moment.")


class Overloaded(Error):
    """An answer without a view: JSON under /api/, a line of text elsewhere."""

    def __init__(self, request: HTTPRequestParser) -> None:
        super().__init__(request.path)
        headers = request.headers
        self.language = language_of(headers.get("ACCEPT_LANGUAGE", ""), headers.get("COOKIE", ""))

    def to_response(self, ident: str | None = None) -> tuple[str, list[tuple[str, str]], bytes]:
        REFUSED.labels(Code.OVERLOADED.value).inc()
        with translation.override(self.language):
            sentence = gettext(OVERLOADED)
        api = self.body.startswith("/api/")
        content = json.dumps({"detail": sentence, "code": Code.OVERLOADED}) if api else sentence
        kind = "application/json" if api else "text/plain; charset=utf-8"
        return "503 Service Unavailable", [("Content-Type", kind), ("Retry-After", "1")], content.encode()


class Request(HTTPRequestParser):
    """A request with its body. A body too large to buffer is left on the connection."""

    stopping = False
    """Whether to close each connection after its answer."""

    large: "WeakSet[Request]" = WeakSet()
    unread, begun = False, b""
    error: Error | None = None

    def __init__(self, adjustments: Adjustments) -> None:
        super().__init__(adjustments)
        self.began = time.time()

    def received(self, data: bytes) -> int:
        consumed: int = super().received(data)
        if isinstance(self.error, RequestEntityTooLarge):
            # Views refuse it by its length, except the batch upload, which writes it to disk.
            self.headers["CONTENT_LENGTH"] = str(self.content_length or self.body_bytes_received)
            self.error, self.unread, self.begun = None, True, data[consumed:]
            self.expect_continue, consumed = False, len(data)
        elif self.body_bytes_received > MAX_BODY_IN_MEMORY:
            self.large.add(self)
            if sum(each.body_bytes_received for each in self.large) > MAX_ON_DISK:
                self.error, self.completed, consumed = Overloaded(self), True, len(data)
        if self.unread or self.stopping:
            self.headers["CONNECTION"] = "close"
        return consumed


class Unread(RawIOBase):
    """A large body, which the view reads from the connection itself."""

    def __init__(self, connection: socket, begun: bytes) -> None:
        self.connection, self.begun = connection, begun
        self.ends = time.time() + MAX_SENDING_LARGE

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer, possibly less than its size. Raises OSError."""
        if begun := self.begun[: len(buffer)]:
            buffer[: len(begun)], self.begun = begun, self.begun[len(begun) :]
            return len(begun)
        poll = select.poll()
        poll.register(self.connection, select.POLLIN)
        if time.time() > self.ends or not poll.poll(1000 * TIMEOUT):
            raise TimeoutError
        return self.connection.recv_into(buffer)


class Task(WSGITask):
    """The task of answering a request."""

    def get_environment(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environment()
        if self.request.unread:
            environ["wsgi.input"] = Unread(self.channel.socket, self.request.begun)
        if self.request.command == "HEAD":
            del environ["wsgi.file_wrapper"]
        return environ

    def write(self, data: bytes) -> None:
        super().write(b"" if self.request.command == "HEAD" else data)


def few_at_once(application: WSGIApplication) -> WSGIApplication:
    """Call an application in few threads at once, except where it waits for the client or must answer under any load.

    A streamed answer is made afterwards, outside the semaphore.
    """

    def call(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == ALWAYS_ANSWERED or isinstance(environ["wsgi.input"], Unread):
            return application(environ, start_response)
        with at_work.hold():
            return application(environ, start_response)

    return call


class Connection(HTTPChannel):
    """A connection that is closed in two steps, so that a client that is still sending sees the answer."""

    parser_class, task_class = Request, Task
    half_closed = 0.0
    """Time at which sending ended; 0 before."""
    will_close: bool
    refused = False
    """Whether to refuse its request now, without waiting for a thread."""

    def handle_close(self) -> None:
        if self.half_closed or not self.will_close:
            super().handle_close()
            return
        self.half_closed, self.will_close = time.time(), False
        with suppress(OSError):
            self.socket.shutdown(SHUT_WR)

    def readable(self) -> bool:
        return bool(self.half_closed or super().readable())

    def received(self, data: bytes) -> bool:
        received = bool(self.half_closed or super().received(data))
        self.refuse()
        return received

    def service(self) -> None:
        super().service()
        WAITING.set(len(self.server.task_dispatcher.queue))
        self.refuse()

    def refuse(self) -> None:
        if self.refused:
            self.refused = False
            super().service()

    def is_busy(self, since: float) -> bool:
        """Return whether a request is in progress, or the connections have changed since."""
        return bool(self.requests or self.request or self.total_outbufs_len or self.last_activity > since)

    def is_slow(self, now: float) -> bool:
        """Return whether the client takes too long to send a request, or to close after the last answer."""
        if self.half_closed and self.last_activity < now - CLOSING_TIMEOUT:
            return True
        began = self.half_closed or (self.request.began if self.request else now)
        return not self.requests and began < now - MAX_SENDING


class Listener(TcpWSGIServer):
    channel_class = Connection

    def handle_accept(self) -> None:
        for _ in range(ACCEPTED_AT_ONCE):
            before = len(self._map)
            super().handle_accept()
            if len(self._map) == before:
                break

    def maintenance(self, now: float) -> None:
        super().maintenance(now)
        for each in self.active_channels.values():
            each.will_close = each.will_close or each.is_slow(now)


class Threads(ThreadedTaskDispatcher):
    """Threads for views, and separate ones for requests that must be answered under any load."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.for_large, self.for_small = ThreadedTaskDispatcher(), ThreadedTaskDispatcher()
        self.set_thread_count(count)
        self.for_large.set_thread_count(8)
        self.for_small.set_thread_count(2)

    def add_task(self, connection: Connection) -> None:
        request = connection.requests[0]
        WAITING.set(len(self.queue))
        if request.error:
            connection.refused = True
        elif request.path == ALWAYS_ANSWERED:
            self.for_small.add_task(connection)
        elif request.unread:
            self.for_large.add_task(connection)
        elif len(self.queue) < MAX_WAITING:
            super().add_task(connection)
        else:
            request.error = Overloaded(request)
            connection.refused = True
