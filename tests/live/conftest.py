"""The site as a server of its own: processes, sockets, a database and files on the disk."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings

from benchmarks.load import BOUNDARY
from benchmarks.processes import free_port

ROOT = Path(settings.BASE_DIR)
PATIENCE = 120.0


def multipart(picture: bytes) -> tuple[bytes, str]:
    """Return the body of a form with one picture, and its Content-Type."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
    return head.encode() + picture + f"\r\n--{BOUNDARY}--\r\n".encode(), f"multipart/form-data; boundary={BOUNDARY}"


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
    wait: float = 30,
) -> Answer:
    """Call once, over a connection of its own. Raises OSError where nobody answers in time."""
    connection = HTTPConnection(host, port, timeout=wait)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return Answer(response.status, dict(response.getheaders()), response.read())
    finally:
        connection.close()


@dataclass
class Site:
    """A site with a database and files of its own, and a token to call it with."""

    folder: Path
    database: str
    port: int
    token: str = ""
    process: "subprocess.Popen[bytes] | None" = None
    bucket: str = ""
    """STORAGE_URL, where files are not in the site's folder."""
    processes: int = 1

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {
            "DATABASE_URL": self.database,
            "SECRET_KEY": "of this test alone",
            "API_THROTTLE": "off",
            "HTTPS": "off",
            "WEB_CONCURRENCY": str(self.processes),
            "CACHE_URL": f"filecache://{self.folder / 'limits'}",
            **({"STORAGE_URL": self.bucket} if self.bucket else {"MEDIA_ROOT": str(self.folder / "media")}),
        }

    def manage(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=PATIENCE,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def python(self, code: str) -> Any:
        """Run code inside the site; return what it printed as JSON."""
        return json.loads(self.manage("shell", "--no-imports", "-c", code).splitlines()[-1])

    def token_of(self, user: str) -> str:
        """Make an account and a token for it."""
        return str(self.python(TOKEN % user))

    def start(self) -> None:
        command = [sys.executable, "-m", "gunicorn", "digitsite.wsgi", "--config", "digitsite/gunicorn.py"]
        command += ["--bind", f"127.0.0.1:{self.port}", "--threads", "8"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
        until = time.monotonic() + PATIENCE
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > until:
                pytest.fail((self.folder / "log").read_text()[-3000:])
            time.sleep(0.02)

    def is_ready(self) -> bool:
        try:
            return self.call("GET", "/readyz").status == 200
        except OSError:
            return False

    def stop(self, word: signal.Signals = signal.SIGTERM) -> None:
        """Stop the site and all that it started; with SIGKILL nobody has time for a last word."""
        if self.process is not None:
            os.killpg(self.process.pid, word)
            self.process.wait(PATIENCE)
            self.process = None

    def call(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Answer:
        return call("127.0.0.1", self.port, method, path, body, headers)

    def post(self, picture: bytes, key: str = "", path: str = "/api/v1/predictions/") -> Answer:
        body, kind = multipart(picture)
        headers = {"Content-Type": kind, "Authorization": f"Token {self.token}"}
        return self.call("POST", path, body, headers | ({"Idempotency-Key": key} if key else {}))

    def rows(self) -> dict[int, str]:
        """Return the ids of the stored predictions, and their images."""
        code = "import json; from recognizer.models import Prediction as P; "
        stored = self.python(code + "print(json.dumps(list(P.objects.values_list('pk', 'image'))))")
        return dict(stored)


@contextmanager
def database_in(folder: Path, port: int) -> Iterator[str]:
    """Give a new database of the kind that the suite runs on: SQLite, or one more on the PostgreSQL server."""
    address = os.environ.get("DATABASE_URL", "")
    if not address.startswith("postgres"):
        yield f"sqlite:///{folder / 'db.sqlite3'}"
        return
    name = f"live_{port}"
    with psycopg.connect(address, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
    try:
        yield f"{address.rpartition('/')[0]}/{name}"
    finally:
        with psycopg.connect(address, autocommit=True) as server:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


TOKEN = """
import json
from django.contrib.auth.models import User
from keys.models import Key
print(json.dumps(Key.objects.issue(User.objects.create_user("%s"))[1]))
"""


@contextmanager
def installed(folder: Path) -> Iterator[Site]:
    """Migrate a new site and make an account and its token; do not start it yet."""
    port = free_port()
    with database_in(folder, port) as database:
        site = Site(folder, database, port)
        site.manage("migrate", "--verbosity", "0")
        site.token = site.token_of("ada")
        try:
            yield site
        finally:
            site.stop(signal.SIGKILL)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with installed(tmp_path_factory.mktemp("site")) as site:
        site.start()
        yield site
