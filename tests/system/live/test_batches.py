"""Batch uploads to the real server go to disk, not into memory."""

import socket
import time
import zipfile
from pathlib import Path

import psutil

from batches.uploads import MAX_CONCURRENCY
from benchmarks.load import multipart
from tests.sites import Site

BATCHES = "/api/v1/batches/"
MB = 1024 * 1024


def headers_of(site: Site, kind: str) -> dict[str, str]:
    return {"Content-Type": kind, "Authorization": f"Token {site.token}"}


def resident(site: Site) -> int:
    """Peak memory of the server's processes, in bytes."""
    assert site.process is not None
    processes = [psutil.Process(site.process.pid), *psutil.Process(site.process.pid).children(recursive=True)]
    peaks = [Path(f"/proc/{process.pid}/status").read_text().partition("VmHWM:")[2].split()[0] for process in processes]
    return 1024 * sum(map(int, peaks))


def test_large_batch_is_written_to_disk_not_memory(
    site: Site, tmp_path: Path, mnist_pictures: dict[int, bytes]
) -> None:
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(40):
            # Bytes after a picture's end belong to nothing.
            archive.writestr(f"{number}.png", mnist_pictures[7] + bytes(5 * MB))
    body, kind = multipart(path.read_bytes(), "archive", "many.zip")
    assert len(body) > 200 * MB
    assert site.call("GET", BATCHES, headers=headers_of(site, kind)).status == 200
    before = resident(site)
    answer = site.call("POST", BATCHES, body, headers_of(site, kind))
    assert answer.status == 202, answer.content
    assert answer.json()["total"] == 40
    assert resident(site) - before < 100 * MB


def test_stalled_senders_delay_nobody_else(site: Site, mnist_pictures: dict[int, bytes]) -> None:
    head = f"POST {BATCHES} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    head += f"Authorization: Token {site.token}\r\nContent-Length: {100 * MB}\r\n\r\n--x\r\n"
    stalled = []
    for _ in range(8):
        stalled.append(socket.create_connection(("127.0.0.1", site.port)))
        stalled[-1].sendall(head.encode())
    time.sleep(1)
    assert site.post(mnist_pictures[7]).status == 201
    for each in stalled:
        each.settimeout(60)
    answers = sorted(each.recv(1000).split(b" ", 2)[1] for each in stalled)
    for each in stalled:
        each.close()
    assert answers == [b"400"] * MAX_CONCURRENCY + [b"503"] * (8 - MAX_CONCURRENCY)


def test_batch_of_a_stranger_is_refused_unread(site: Site) -> None:
    with socket.create_connection(("127.0.0.1", site.port)) as stranger:
        head = f"POST {BATCHES} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=x\r\n"
        stranger.sendall(f"{head}Content-Length: {500 * MB}\r\n\r\n".encode())
        stranger.settimeout(20)
        assert stranger.recv(1000).startswith(b"HTTP/1.1 401 ")
