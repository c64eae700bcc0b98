"""A worker that shall stop takes in all who have knocked, however late it comes to it."""

import socket
import sys
import threading
from typing import Any
from unittest.mock import MagicMock

import pytest

from digitsite.worker import LINGER, WholeRequests


def stopping_worker(listener: socket.socket) -> Any:
    listener.setblocking(False)
    worker: Any = object.__new__(WholeRequests)
    worker.__dict__ |= {"sockets": [listener], "alive": False, "_accepting": True, "nr_conns": 0, "gathering": {}}
    worker.__dict__ |= {"cfg": MagicMock(), "poller": MagicMock(), "log": MagicMock()}
    return worker


def test_who_knocks_while_the_master_still_listens_is_taken_in() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    worker = stopping_worker(listener)
    address, came = listener.getsockname(), []
    late = threading.Timer(LINGER / 3, lambda: came.append(socket.create_connection(address, timeout=10)))
    late.start()
    worker.set_accept_enabled(False)
    late.join()
    assert len(worker.gathering) == len(came) == 1
    for conn in worker.gathering:
        conn.sock.close()
    came[0].close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who waits at a socket")
def test_who_knocks_while_other_threads_run_is_taken_in(monkeypatch: pytest.MonkeyPatch) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    worker = stopping_worker(listener)
    accept, late = WholeRequests.accept, []

    def in_vain_and_late(self: WholeRequests, knocked_at: Any) -> None:
        before = self.nr_conns
        accept(self, knocked_at)
        if self.nr_conns == before and not late:
            # The interpreter is another thread's, and somebody comes before it is ours again.
            late.append(socket.create_connection(listener.getsockname(), timeout=10))

    monkeypatch.setattr(WholeRequests, "accept", in_vain_and_late)
    with socket.create_connection(listener.getsockname(), timeout=10):
        worker.set_accept_enabled(False)
        assert len(worker.gathering) == 2
    for conn in worker.gathering:
        conn.sock.close()
    late[0].close()
