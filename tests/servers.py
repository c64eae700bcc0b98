"""Real servers for tests: an S3 store, and a running Redis and PostgreSQL if there are any."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from benchmarks.processes import free_port, wait_until

REDIS = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/9")


def answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=2).close()
    except OSError:
        return False
    return True


def redis_or_skip() -> str:
    """Return the address of the Redis for tests."""
    address = urlsplit(REDIS)
    if not answers(address.hostname or "", address.port or 6379):
        pytest.skip("no Redis answers at TEST_REDIS_URL")
    return REDIS


def postgres_or_skip(url: str) -> None:
    """Return the address of a PostgreSQL for tests; skip if none accepts the log-in."""
    try:
        psycopg.connect(url, connect_timeout=3).close()
    except psycopg.OperationalError:
        pytest.skip("no PostgreSQL answers at TEST_POSTGRES_URL")


@contextmanager
def s3_store() -> Iterator[str]:
    """Start an S3 store that keeps all in memory. Yields the STORAGE_URL of a bucket in it."""
    port = free_port()
    process = subprocess.Popen(s3_command("127.0.0.1", port), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: answers("127.0.0.1", port), 60, lambda: "the store does not start")
        make_bucket(f"http://127.0.0.1:{port}", "key", "secret")
        yield f"s3://key:secret@127.0.0.1:{port}/digits?tls=off&region=us-east-1"
    finally:
        process.kill()
        process.wait()


def s3_command(host: str, port: int) -> list[str]:
    return [sys.executable, "-m", "moto.server", "-H", host, "-p", str(port)]


def make_bucket(store: str, key: str, secret: str) -> None:
    """Make the bucket "digits" in a store that answers at an address."""
    with s3_client(store, key, secret) as client:
        client.create_bucket(Bucket="digits")


@contextmanager
def s3_client(store: str, key: str, secret: str) -> Iterator[Any]:
    import boto3

    keys = {"aws_access_key_id": key, "aws_secret_access_key": secret, "region_name": "us-east-1"}
    with closing(boto3.client("s3", endpoint_url=store, **keys)) as client:
        yield client
