"""A gunicorn worker whose threads get whole requests, and only as many as they can answer soon."""

import json
import re
import socket
import struct
import sys
import time
from functools import partial
from typing import Any

from django.conf import settings
from gunicorn.workers.gthread import TConn, ThreadWorker

from recognizer.metrics import REFUSED, WAITING

MOST_WAITING = 64
"""Requests that may wait for a thread. With 8 threads the last of them waits well under a second."""

PATIENCE = 30.0
"""Seconds between two bytes, and ten times that for a whole request, after which a sender is given up."""

MOST_GATHERED = 64 * 1024 * 1024
"""Bytes held of requests that are not whole yet. Beyond it, the sender of most of them goes."""

LINGER = 0.3
"""Seconds for which a stopping worker still takes in who knocks: its master, told to stop at the same moment, listens
at the same socket until it is done, and whoever comes to it alone is cut off."""

LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,18})[ \t]*\r\n", re.IGNORECASE)
CHUNKED = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)
EXPECTS = re.compile(rb"\r\nexpect:[ \t]*100-continue", re.IGNORECASE)
UNACCEPTED = 24
"""Where Linux's `tcp_info` of a listening socket has the number of connections that wait to be accepted."""

MOST_HEADERS = 64 * 1024
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Gathered:
    """What has arrived of one request. Only tells when a thread may have it: gunicorn's parser judges what it is."""

    def __init__(self) -> None:
        self.content = bytearray()
        self.began = self.last = time.monotonic()
        self.needed: int | None = None
        self.chunked = False

    def add(self, piece: bytes) -> bytes:
        """Take what came. Returns what has to be sent back before more will come."""
        self.content += piece
        self.last = time.monotonic()
        if self.needed is None and not self.chunked:
            end = self.content.find(b"\r\n\r\n")
            if end >= 0:
                return self._read_headers(bytes(self.content[: end + 2]), end + 4)
        return b""

    def _read_headers(self, headers: bytes, size: int) -> bytes:
        self.chunked = CHUNKED.search(headers) is not None
        length = LENGTH.search(headers)
        body = int(length[1]) if length else 0
        # A body too large to be taken is refused by its length, unread.
        self.needed = size + (body if body <= settings.DATA_UPLOAD_MAX_MEMORY_SIZE else 0)
        return CONTINUE if EXPECTS.search(headers) and not self.is_whole else b""

    @property
    def is_whole(self) -> bool:
        if self.needed is None:
            return len(self.content) > MOST_HEADERS
        if self.chunked:
            return self.content.endswith(b"0\r\n\r\n") or len(self.content) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        return len(self.content) >= self.needed

    def is_late(self, now: float) -> bool:
        return now - self.last > PATIENCE or now - self.began > 10 * PATIENCE


class WholeRequests(ThreadWorker):
    """Gathers each request in the worker's own loop, so that slow senders hold no thread.

    A request that would have to wait behind too many others is answered 503 at once.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.gathering: dict[TConn, Gathered] = {}

    def accept(self, listener: Any) -> None:
        try:
            client, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        self.nr_conns += 1
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._gather(TConn(self.cfg, client, address, listener.getsockname()))

    def set_accept_enabled(self, enabled: bool) -> None:
        """Stop to listen altogether, once this worker shall stop, after taking in all who have knocked.

        Gunicorn goes on to listen without answering, and cuts them off at its end. A proxy passes over who refuses.
        """
        super().set_accept_enabled(enabled)
        if enabled or self.alive:
            return
        until = time.monotonic() + LINGER
        for listener in self.sockets:
            before = -1
            while self.nr_conns != before or knocking(listener) or time.monotonic() < until:
                if self.nr_conns == before:
                    time.sleep(0.001)
                before = self.nr_conns
                self.accept(listener)
            listener.close()

    def on_client_socket_readable(self, conn: TConn, client: Any) -> None:
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._gather(conn)
        self._more(conn, client)

    def _gather(self, conn: TConn) -> None:
        self.gathering[conn] = Gathered()
        self.poller.register(conn.sock, 1, partial(self._more, conn))  # 1: readable

    def _more(self, conn: TConn, client: Any) -> None:
        gathered = self.gathering.get(conn)
        if gathered is None:
            return
        try:
            piece = client.recv(256 * 1024)
            if back := gathered.add(piece):
                client.send(back)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        if not piece:
            self._drop(conn)
        elif gathered.is_whole:
            self._hand_over(conn, bytes(gathered.content))
        elif sum(len(other.content) for other in self.gathering.values()) > MOST_GATHERED:
            self._drop(max(self.gathering, key=lambda held: len(self.gathering[held].content)))

    def _hand_over(self, conn: TConn, content: bytes) -> None:
        self._release(conn)
        # Whether the process lives is answered however much it has to do.
        if self.tpool._work_queue.qsize() >= MOST_WAITING and not content.startswith(b"GET /healthz "):
            REFUSED.labels("overloaded").inc()
            self._answer(conn, busy(content))
            return
        conn.init()
        conn.parser.unreader.unread(content)
        self.enqueue_req(conn)

    def _release(self, conn: TConn) -> None:
        del self.gathering[conn]
        self.poller.unregister(conn.sock)

    def _drop(self, conn: TConn) -> None:
        self._release(conn)
        self.nr_conns -= 1
        conn.close()

    def _answer(self, conn: TConn, content: bytes) -> None:
        """Send a short answer without ever waiting for the other side, and close."""
        try:
            conn.sock.send(content)
        except OSError:
            self.log.debug("a refused client had left")
        self.nr_conns -= 1
        conn.close(graceful=True)

    def murder_pending(self) -> None:
        super().murder_pending()
        WAITING.set(self.tpool._work_queue.qsize())
        now = time.monotonic()
        for conn in [conn for conn, gathered in self.gathering.items() if gathered.is_late(now)]:
            if self.gathering[conn].content:
                REFUSED.labels("too_slow").inc()
                self._release(conn)
                self._answer(conn, answer("408 Request Timeout", "The request came too slowly.", "too_slow"))
            else:
                self._drop(conn)


def knocking(listener: Any) -> int:
    """Count who has connected and is not accepted yet, where the system tells; 0 elsewhere.

    To accept in vain lets other threads run, and whoever comes before they are done would be cut off. This does not.
    """
    if sys.platform != "linux":
        return 0
    try:
        told: bytes = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    except OSError:  # It listens at a path.
        return 0
    return int(struct.unpack_from("I", told, UNACCEPTED)[0])


def busy(request: bytes) -> bytes:
    """Return the answer to a request that there is no time for: JSON under /api/, a line of text elsewhere."""
    sentence = "Too many are reading at once. Try again in a moment."
    code = "overloaded" if re.match(rb"[A-Z]+ /api/", request) else ""
    return answer("503 Service Unavailable", sentence, code, "Retry-After: 1\r\n")


def answer(status: str, sentence: str, code: str = "", more: str = "") -> bytes:
    """Return a whole answer as it is sent, JSON where it has a code."""
    body = json.dumps({"detail": sentence, "code": code}) if code else sentence
    kind = "application/json" if code else "text/plain; charset=utf-8"
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}"
        f"Cache-Control: no-store\r\nConnection: close\r\n\r\n{body}"
    ).encode()
