"""Gunicorn configuration: WEB_CONCURRENCY processes with threads, nothing loaded before the fork."""

import ctypes
import gc
import os
import resource
import shutil
import signal
import socket
import struct
import sys
import tempfile
import threading
from typing import Any

SHARED = "PROMETHEUS_MULTIPROC_DIR"
own_folder = ""
FILES = 8192
if int(os.environ.get("WEB_CONCURRENCY", 1)) > 1 and SHARED not in os.environ:
    # Set before the first metric: any process can then report for all.
    own_folder = os.environ[SHARED] = tempfile.mkdtemp(prefix="digits-metrics-")

worker_class = "digitsite.serving.WebProcess"
# The runtime's threads do not survive a fork: each process loads its own.
preload_app = False
timeout = 60
graceful_timeout = 25
# digitsite.proxies decides which proxies to trust; gunicorn's default trusts this machine.
forwarded_allow_ips = ""
forwarder_headers = ""
# The default is the same file for all sites of a user.
control_socket_disable = True


def on_starting(server: Any) -> None:
    """Make files private, and raise the limit of open connections; workers inherit both."""
    os.umask(0o077)
    # Many systems allow 1,024 open files by default, and more on request.
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = max(soft, FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files if hard == resource.RLIM_INFINITY else min(files, hard), hard))


def when_ready(server: Any) -> None:
    """Stop accepting connections when the site is told to stop: a connection after the last accept would be reset."""
    stop = server.stop

    def stop_listening(graceful: bool = True) -> None:
        for listener in server.LISTENERS:
            drop_packets(listener.sock)
        stop(graceful)

    server.stop = stop_listening


def drop_packets(listener: socket.socket) -> None:
    """Refuse new connections at a listening socket, in all processes that share it; queued ones stay. Linux only."""
    if sys.platform == "linux":
        attach_filter, return_nothing = 26, ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0))
        program = struct.pack("HP", 1, ctypes.addressof(return_nothing))
        listener.setsockopt(socket.SOL_SOCKET, attach_filter, program)


def post_worker_init(worker: Any) -> None:
    """Import the views, and load and warm the serving version, before the first request asks for them."""
    from django.urls import get_resolver

    # Ctrl+C reaches the master too, which then sends SIGQUIT. A worker that obeys both can deadlock.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Otherwise the first requests wait half a second for these imports.
    get_resolver().url_patterns  # noqa: B018
    threading.Thread(target=_warm, args=[worker], daemon=True).start()


def child_exit(server: Any, worker: Any) -> None:
    """Forget the connections of a dead process, and its waiting requests in the metrics."""
    from prometheus_client.multiprocess import mark_process_dead

    from digitsite.serving import note

    note(worker.age)
    if SHARED in os.environ:
        mark_process_dead(worker.pid)


def on_exit(server: Any) -> None:
    if own_folder:
        shutil.rmtree(own_folder, ignore_errors=True)


def worker_exit(server: Any, worker: Any) -> None:
    """Store the counts that are not in the database yet, and empty the write-ahead log."""
    from digitsite.sqlite import empty_log
    from keys.usage import write_down_if_possible

    write_down_if_possible()
    empty_log()


def _warm(worker: Any) -> None:
    import cv2
    from django.db import DatabaseError, connection

    from keys.usage import watch_usage
    from recognizer.exceptions import NoServingVersion
    from recognizer.serving.cache import serving_reader, watch_promotions

    # The other processors serve other requests.
    cv2.setNumThreads(1)
    try:
        serving_reader()
    except (NoServingVersion, DatabaseError):
        pass  # /readyz reports it, and tries again.
    finally:
        connection.close()
    watch_promotions()
    watch_usage()
    # Exclude loaded objects from garbage collection: scanning them stopped all threads for a tenth of a second.
    gc.collect()
    gc.freeze()
    if worker.age == 1:
        worker.log.info("Open %s in a browser; Ctrl+C stops the site", worker.sockets[0])
