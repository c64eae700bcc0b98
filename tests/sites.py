"""The site as real processes: web, workers, a database and files."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg

from benchmarks.load import multipart
from benchmarks.processes import (
    ROOT,
    answers,
    free_port,
    site_command,
    spawn,
    stop,
    wait_until,
    wait_until_ready,
    worker_command,
)

TIMEOUT = 180.0
USERS = ("ada", "blaise")
ISSUE_TOKENS = f"""
import json
from django.contrib.auth.models import User
from keys.models import Key
print(json.dumps({{name: Key.objects.issue(User.objects.create_user(name))[1] for name in {USERS}}}))
"""


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    content: bytes

    def json(self) -> Any:
        return json.loads(self.content)


def call(
    host: str,
    port: int,
    method: str,
    path: str,
    body: bytes = b"",
    headers: dict[str, str] | None = None,
    timeout: float = 30,
    address: str = "",
) -> Answer:
    """Call once, over a connection of its own. address: of the caller. Raises OSError where nobody answers in time."""
    source = (address, 0) if address else None
    with closing(HTTPConnection(host, port, timeout=timeout, source_address=source)) as connection:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return Answer(response.status, dict(response.getheaders()), response.read())


@dataclass
class Site:
    """A site with a database, files and a broker of its own. variables: settings besides."""

    folder: Path
    database: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    """What the users call with."""
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[Any] | None = None
    workers: list[subprocess.Popen[Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.database = self.database or f"sqlite:///{self.folder / 'db.sqlite3'}"

    @property
    def environment(self) -> dict[str, str]:
        files = {} if "STORAGE_URL" in self.variables else {"MEDIA_ROOT": str(self.folder / "media")}
        return os.environ | files | {
            "DATABASE_URL": self.database,
            "CELERY_BROKER_URL": f"filesystem://{self.folder / 'broker'}",
            "CACHE_URL": f"filecache://{self.folder / 'limits'}",
            "SECRET_KEY": "of this test alone, and of nothing else",
            "API_THROTTLE": "off",
            "HTTPS": "off",
            "WEB_CONCURRENCY": "1",
        } | self.variables  # fmt: skip

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def token(self) -> str:
        return self.tokens["ada"]

    def manage(self, *arguments: str, check: bool = True) -> str:
        """Run a command to its end; return what it printed, and its errors too where it may fail."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=TIMEOUT,
        )  # fmt: skip
        assert not check or done.returncode == 0, done.stderr
        return done.stdout if check else done.stdout + done.stderr

    def ask(self, code: str) -> Any:
        """Run code inside the site; return what it printed as JSON. It takes seconds: `query` does not."""
        return json.loads(self.manage("shell", "--no-imports", "-c", code).splitlines()[-1])

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Query the database directly."""
        if self.database.startswith("postgres"):
            with psycopg.connect(self.database) as server:
                return server.execute(sql.encode()).fetchall()
        with closing(sqlite3.connect(self.database.removeprefix("sqlite:///"), timeout=20)) as file:
            return file.execute(sql).fetchall()

    def start(self, wait: bool = True) -> None:
        """Serve; wait until it is ready, unless told otherwise."""
        self.process = spawn(site_command(self.port), self.environment, self.log)
        if wait:
            wait_until_ready(self.process, self.is_ready, self.log)

    def stop(self, word: signal.Signals = signal.SIGTERM) -> None:
        """Stop the site and its processes; SIGKILL kills them at once."""
        if self.process is not None:
            stop(self.process, word, timeout=60)
            self.process = None

    def start_worker(self, queues: str, *options: str) -> subprocess.Popen[Any]:
        worker = spawn(worker_command(queues, *options), self.environment, self.log)
        self.workers.append(worker)
        return worker

    def stop_worker(self, worker: subprocess.Popen[Any], word: signal.Signals = signal.SIGKILL) -> None:
        stop(worker, word, timeout=20)
        self.workers.remove(worker)

    def close(self) -> None:
        """Kill all processes."""
        self.stop(signal.SIGKILL)
        for worker in list(self.workers):
            self.stop_worker(worker)

    def until(self, done: Callable[[], Any], timeout: float = TIMEOUT) -> Any:
        """Poll; return the first true answer. Raises TimeoutError, with the log's end."""
        return wait_until(done, timeout, lambda: self.log.read_text()[-3000:])

    def is_ready(self) -> bool:
        return answers(self.port)

    def call(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Answer:
        return call("127.0.0.1", self.port, method, path, body, headers)

    def post(self, picture: bytes, key: str = "", path: str = "/api/v1/predictions/") -> Answer:
        body, kind = multipart(picture)
        headers = {"Content-Type": kind, "Authorization": f"Token {self.token}"}
        return self.call("POST", path, body, headers | ({"Idempotency-Key": key} if key else {}))

    def rows(self) -> dict[int, str]:
        """Return the ids of the stored predictions, and the files of their images, "" for those in the database."""
        return dict(self.query("SELECT id, image FROM recognizer_prediction"))


def install(site: Site) -> None:
    """Migrate a new site, and make users and their tokens."""
    site.manage("migrate", "--verbosity", "0")
    site.tokens = site.ask(ISSUE_TOKENS)


@contextmanager
def copy_of(template: Site, folder: Path, **variables: str) -> Iterator[Site]:
    """Copy a site that does not run, with its database and files; close the copy at the end."""
    with database_in(folder, template.database) as database:
        shutil.copytree(template.folder, folder, dirs_exist_ok=True)
        site = Site(folder, database, template.variables | variables, template.tokens)
        try:
            yield site
        finally:
            site.close()


@contextmanager
def database_in(folder: Path, template: str = "") -> Iterator[str]:
    """Give a database of the kind that the suite runs on: SQLite, or one more on the PostgreSQL server.

    template: the address of one to copy. SQLite's lies in the folder, and is copied with it.
    """
    address = template or os.environ.get("DATABASE_URL", "")
    if not address.startswith("postgres"):
        yield f"sqlite:///{folder / 'db.sqlite3'}"
        return
    name = f"live_{uuid.uuid4().hex}"
    server = urlunsplit(urlsplit(address)._replace(path="/postgres"))
    copied = f" TEMPLATE {urlsplit(template).path[1:]}" if template else ""
    with psycopg.connect(server, autocommit=True) as maintenance:
        maintenance.execute(f"CREATE DATABASE {name}{copied}".encode())
        try:
            yield urlunsplit(urlsplit(address)._replace(path=f"/{name}"))
        finally:
            maintenance.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
