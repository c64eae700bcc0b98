"""The web server: waitress receives whole requests and sends answers; its threads call views in between.

A client that stalls holds a connection but no thread. Gunicorn starts, watches and stops the processes.
"""

import os
import signal
import time
from array import array
from math import inf
from mmap import mmap
from resource import RLIMIT_NOFILE, getrlimit
from typing import Any

from django.conf import settings
from gunicorn.workers.base import Worker
from waitress import wasyncore
from waitress.adjustments import Adjustments

from .connections import MAX_BODY_IN_MEMORY, TIMEOUT, Connection, Listener, Request, Threads, few_at_once

LINGER = 1.0
"""Seconds a stopping process still accepts requests on open connections."""

ADJUSTMENTS = Adjustments(
    asyncore_use_poll=True,
    channel_timeout=TIMEOUT,
    cleanup_interval=5,
    # digitsite.proxies decides which proxies to trust.
    clear_untrusted_proxy_headers=False,
    # Each connection may need files for buffered data.
    connection_limit=min(4000, getrlimit(RLIMIT_NOFILE)[0] // 2),
    ident=None,
    inbuf_overflow=MAX_BODY_IN_MEMORY,
    log_socket_errors=False,
    max_request_body_size=settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1,
    max_request_header_size=64 * 1024,
    # An answer that the client does not read is buffered on disk and holds no thread.
    outbuf_high_watermark=2**40,
    recv_bytes=64 * 1024,
)

PROCESSES = 64
MAX_LEFT = 20
"""Most rounds, of a millisecond each, in which a process leaves a new connection to another."""

open_connections = memoryview(mmap(-1, 8 * PROCESSES)).cast("d")
"""Numbers of open connections of all processes, in shared memory; `inf` where there is none."""

open_connections[:] = array("d", [inf] * PROCESSES)


def note(process: int, connections: float = inf) -> None:
    """Store how many connections a process has open."""
    open_connections[process % PROCESSES] = connections


class EvenListener(Listener):
    """A listener that leaves new connections to a process with fewer.

    Clients keep their connections: in a process with three quarters of them, each waits three times as long.
    """

    left = 0

    def accept(self) -> Any:
        if self.left < MAX_LEFT and len(self._map) > min(open_connections):
            self.left += 1
            time.sleep(0.001)
            return None
        self.left = 0
        return super().accept()


class WebProcess(Worker):
    """One process of the site, for gunicorn to start, watch and stop."""

    def run(self) -> None:
        # SIGQUIT, sent after Ctrl+C, stops it as gracefully as SIGTERM.
        signal.signal(signal.SIGQUIT, self.handle_exit)
        threads = Threads(self.cfg.threads)
        self.open: dict[int, Any] = {}
        for each in self.sockets:
            place = (each.sock.family, each.sock.type, each.sock.proto, each.sock.getsockname())
            EvenListener(
                few_at_once(self.wsgi), self.open, True, each.sock, threads, ADJUSTMENTS, place, bind_socket=False
            )
        while self.alive and os.getppid() == self.ppid:
            self.look(0.25)
        self.finish()

    def look(self, seconds: float) -> None:
        """Serve connections; return after so many seconds without an event."""
        self.notify()
        note(self.age, inf if Request.stopping else len(self.open))
        wasyncore.loop(seconds, True, self.open, 1)

    def finish(self) -> None:
        """Answer all open connections, and their requests within LINGER."""
        Request.stopping = True
        began = now = time.time()
        while now < began + self.cfg.graceful_timeout - 5:
            now = time.time()
            self.look(0.1)
            connections = [each for each in self.open.values() if isinstance(each, Connection)]
            if now < began + LINGER or any(each.creation_time > now for each in connections):
                continue
            for each in self.open.values():
                each.accepting = False
            if not any(each.is_busy(now - LINGER) for each in connections):
                break
