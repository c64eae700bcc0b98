"""How the site is served: by threads, in as many processes as WEB_CONCURRENCY says, nothing loaded before the fork."""

import gc
import os
import shutil
import signal
import tempfile
import threading
from typing import Any

SHARED = "PROMETHEUS_MULTIPROC_DIR"
own_folder = ""
if int(os.environ.get("WEB_CONCURRENCY", 1)) > 1 and SHARED not in os.environ:
    # Set before anything counts: whichever process is asked tells for all.
    own_folder = os.environ[SHARED] = tempfile.mkdtemp(prefix="digits-metrics-")

worker_class = "digitsite.worker.WholeRequests"
# The runtime's threads do not survive a fork: each process loads its own.
preload_app = False
timeout = 60
graceful_timeout = 20
keepalive = 5
# It would be one for all sites of a user.
control_socket_disable = True


def post_worker_init(worker: Any) -> None:
    """Import the views, and load and warm the serving version, before the first request asks for them."""
    from django.urls import get_resolver

    # Ctrl+C reaches the master too, whose word to quit follows at once: obeying both, a worker can lock itself out.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Whoever came first would wait for these imports together, half a second long.
    get_resolver().url_patterns  # noqa: B018
    threading.Thread(target=_warm, args=[worker], daemon=True).start()


def child_exit(server: Any, worker: Any) -> None:
    """Count no longer what a process that is gone had waiting, where processes are counted together."""
    from prometheus_client.multiprocess import mark_process_dead

    if SHARED in os.environ:
        mark_process_dead(worker.pid)


def on_exit(server: Any) -> None:
    if own_folder:
        shutil.rmtree(own_folder, ignore_errors=True)


def worker_exit(server: Any, worker: Any) -> None:
    """Write down what is counted and not yet in the database, and leave that in one file."""
    from digitsite.sqlite import empty_log
    from keys.usage import write_down_if_possible

    write_down_if_possible()
    empty_log()


def _warm(worker: Any) -> None:
    import cv2
    from django.db import DatabaseError, connection

    from keys.usage import watch_usage
    from recognizer.exceptions import NoServingVersion
    from recognizer.serving import serving_reader, watch_promotions

    # Other calls have work for the other processors.
    cv2.setNumThreads(1)
    try:
        serving_reader()
    except (NoServingVersion, DatabaseError):
        pass  # /readyz says so, and looks again.
    finally:
        connection.close()
    watch_promotions()
    watch_usage()
    # What is loaded by now stays: to look through it for garbage held all threads up for a tenth of a second.
    gc.collect()
    gc.freeze()
    if worker.age == 1:
        worker.log.info("Open %s in a browser; Ctrl+C stops the site", worker.sockets[0])
