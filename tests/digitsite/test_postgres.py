"""The site with PostgreSQL connections that fail and recover."""

import os
import subprocess
import sys
import time
from typing import Any

import psycopg
import pytest
from django.conf import settings as site

from benchmarks.processes import free_port

ADDRESS = os.environ.get("TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres")
ASK = """
import django; django.setup()
from django.db import OperationalError, close_old_connections, connection
def ask():
    try:
        with connection.cursor() as cursor:
            return cursor.execute("SELECT pg_backend_pid()").fetchone()[0]
    finally:
        connection.close()
"""


def python(code: str, address: str) -> subprocess.CompletedProcess[str]:
    environment: dict[str, Any] = {"DATABASE_URL": address, "DJANGO_SETTINGS_MODULE": "digitsite.settings"}
    return subprocess.run(
        [sys.executable, "-c", ASK + code],
        cwd=site.BASE_DIR,
        env=environment | {"SECRET_KEY": "of this test alone", "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=120,
    )


def postgres_or_skip() -> str:
    try:
        psycopg.connect(ADDRESS, connect_timeout=3).close()
    except psycopg.OperationalError:
        pytest.skip("no PostgreSQL answers at TEST_POSTGRES_URL")
    return ADDRESS


def test_pool_connections_are_reused() -> None:
    done = python("print(len({ask() for _ in range(30)}) <= 2)", postgres_or_skip())
    assert done.stdout.strip() == "True", done.stderr


def test_dead_pool_connection_is_never_used() -> None:
    cut = """
import psycopg, os
first = ask()
with psycopg.connect(os.environ["DATABASE_URL"]) as other:
    other.execute("SELECT pg_terminate_backend(%s)", [first])
print(ask() != first)
"""
    done = python(cut, postgres_or_skip())
    assert done.stdout.strip() == "True", done.stderr


def test_pool_recovers_at_once_after_an_outage() -> None:
    cut_all = """
import psycopg, os
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
all_connected = Barrier(6)
def connect(turn):
    with connection.cursor() as cursor:
        found = cursor.execute("SELECT pg_backend_pid()").fetchone()[0]
    all_connected.wait()
    connection.close()
    return found
with ThreadPoolExecutor(6) as people:
    dead = list(people.map(connect, range(6)))
with psycopg.connect(os.environ["DATABASE_URL"]) as other:
    other.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s::int[]) AS pid", [dead])
print(ask() not in dead)
"""
    done = python(cut_all, postgres_or_skip())
    assert done.stdout.strip() == "True", done.stderr


@pytest.mark.slow
def test_lost_server_returns_503_within_seconds() -> None:
    gone = """
try: ask()
except OperationalError as error: print("told")
"""
    started = time.monotonic()
    done = python(gone, f"postgres://postgres@127.0.0.1:{free_port()}/postgres")
    assert done.stdout.strip() == "told", done.stderr
    assert time.monotonic() - started < 30
