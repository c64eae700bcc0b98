"""How the processes of a site share connections."""

import socket
from array import array
from collections.abc import Iterator
from math import inf

import pytest
from waitress import wasyncore

from digitsite import serving
from digitsite.connections import Threads
from digitsite.serving import ADJUSTMENTS, MAX_LEFT, EvenListener

ANOTHER = 1


@pytest.fixture(autouse=True)
def no_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "open_connections", array("d", [inf] * serving.PROCESSES))


@pytest.fixture
def listener() -> Iterator[EvenListener]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = (server.family, server.type, server.proto, server.getsockname())
        found = EvenListener(lambda *_: [], {}, True, server, Threads(1), ADJUSTMENTS, place, bind_socket=False)
        with socket.create_connection(server.getsockname()):
            yield found
        wasyncore.close_all(found._map)


def rounds_until_accepted(listener: EvenListener) -> int:
    """Return how many rounds of events pass before the waiting connection is accepted."""
    for rounds in range(100):
        wasyncore.loop(0.1, True, listener._map, 1)
        if listener.active_channels:
            return rounds
    raise TimeoutError


def test_a_process_with_fewer_connections_accepts_at_once(listener: EvenListener) -> None:
    serving.note(ANOTHER, len(listener._map))

    assert rounds_until_accepted(listener) == 0


def test_a_process_with_more_connections_leaves_new_ones(listener: EvenListener) -> None:
    serving.note(ANOTHER, len(listener._map) - 1)

    assert rounds_until_accepted(listener) == MAX_LEFT
