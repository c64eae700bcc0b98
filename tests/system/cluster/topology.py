"""The site as in deploy/, on separate hosts, with the shipped commands, settings and proxy."""

import json
import os
import re
import shutil
import sys
from collections.abc import Callable
from http.client import HTTPException
from itertools import cycle
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.load import multipart
from benchmarks.processes import wait_until
from tests.project.test_deploy import DEPLOY, SECRETS, redis_command, site_of_compose
from tests.servers import make_bucket, s3_command
from tests.sites import Answer, call

from .hosts import TIMEOUT, Host, Network

PREDICTIONS = "/api/v1/predictions/"
PEOPLE = 100
"""Clients under load: few enough to stay within their limits."""

TOKENS = f"""
import json
from django.contrib.auth.models import User
from keys.models import Key
print(json.dumps([Key.objects.issue(User.objects.create(username=str(n)))[1] for n in range({PEOPLE})]))
"""


def postgres_programs() -> Path | None:
    """Return the folder of PostgreSQL's programs, which is not on Debian's PATH."""
    if found := shutil.which("initdb"):
        return Path(found).parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    return folders[-1] if folders else None


def missing_programs() -> list[str]:
    missing = [name for name in ("nginx", "redis-server") if shutil.which(name) is None]
    return missing if postgres_programs() else [*missing, "PostgreSQL"]


def command_of(target: str) -> list[str]:
    """Return what an image of the Dockerfile runs."""
    stage = (DEPLOY / "Dockerfile").read_text().partition(f" AS {target}\n")[2].partition("\nFROM ")[0]
    words: list[str] = json.loads(stage.rpartition("\nCMD ")[2])
    return [sys.executable, *words[1:]]


class Cluster:
    """nginx, two web hosts, two workers, and what they share."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.postgres = network.host("postgres", 5432)
        self.redis = network.host("redis", 6379)
        self.s3 = network.host("s3", 9000)
        self.web = [network.host(f"web{number}", 8000) for number in (1, 2)]
        self.workers = [network.host(f"worker{number}", 0) for number in (1, 2)]
        self.nginx = network.host("nginx", 8080)
        self.shared = [self.postgres, self.redis, self.s3]
        self.tokens: Any = ()

    def start(self) -> None:
        self.set_up_postgres()
        self.redis.command = [
            *redis_command(self.redis.folder), "--bind", self.redis.address, "--port", str(self.redis.port),
            "--dir", str(self.redis.folder), "--protected-mode", "no",
        ]  # fmt: skip
        self.s3.command = s3_command(self.s3.address, self.s3.port)
        for host in self.shared:
            host.start()
        self.until(lambda: all(host.answers for host in self.shared), "what is shared does not start")
        with psycopg.connect(self.database("postgres"), autocommit=True) as server:
            server.execute("CREATE DATABASE digits")
        make_bucket(f"http://{self.s3.at}", "digits", SECRETS["S3_PASSWORD"])
        self.set_up_site()
        for host in self.web + self.workers:
            host.start()
        self.set_up_nginx()
        self.nginx.start()
        self.until_well()

    def set_up_postgres(self) -> None:
        """Make a server's data and its command; it refuses to be root."""
        host, programs = self.postgres, postgres_programs()
        if os.geteuid() == 0:
            shutil.chown(host.folder, "postgres")
            host.enter = [*host.enter, "setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        data, word = host.folder / "data", host.folder / "word"
        word.write_text(SECRETS["POSTGRES_PASSWORD"])
        host.run(f"{programs}/initdb", "-D", str(data), "-U", "digits", "-A", "scram-sha-256", f"--pwfile={word}")
        with (data / "pg_hba.conf").open("a") as rules:
            rules.write("host all all all scram-sha-256\n")
        host.command = [
            f"{programs}/postgres", "-D", str(data), "-h", host.address, "-p", str(host.port), "-k", str(host.folder)
        ]  # fmt: skip

    def set_up_site(self) -> None:
        environment = {name: self.with_addresses(value) for name, value in site_of_compose().items()}
        environment |= {"TRUSTED_PROXIES": self.network.proxies, "METRICS_ALLOWED": self.network.proxies}
        environment |= {"HTTPS": "off", "TF_CPP_MIN_LOG_LEVEL": "2"}
        for host in self.web:
            host.command = [word.replace("0.0.0.0:8000", host.at) for word in command_of("web")]
        for host in self.workers:
            host.command = command_of("worker")
        for host in self.web + self.workers:
            host.environment = environment
        self.manage("migrate", "--verbosity", "0")
        self.tokens = cycle(self.ask(TOKENS))

    def with_addresses(self, text: str) -> str:
        """Replace the host names of deploy/ by addresses."""
        hosts = {host.name: host for host in self.shared}
        return re.sub(rf"\b({'|'.join(hosts)}):\d+", lambda found: hosts[found[1]].at, text)

    def set_up_nginx(self) -> None:
        """Write deploy/nginx.conf with the web hosts' addresses, as its comments describe for fixed ones."""
        content = (DEPLOY / "nginx.conf").read_text()
        server = re.compile(r"server web:8000 resolve (.*;)")
        assert server.search(content)
        content = server.sub(lambda line: " ".join(f"server {host.at} {line[1]}" for host in self.web), content)
        content = content.replace("listen 8080;", f"listen {self.nginx.at};")
        path = self.nginx.folder / "nginx.conf"
        path.write_text(content.replace("/tmp/", f"{self.nginx.folder}/"))  # noqa: S108
        self.nginx.command = ["nginx", "-e", "stderr", "-c", str(path), "-g", "daemon off;"]

    def database(self, name: str = "digits") -> str:
        return f"postgres://digits:{SECRETS['POSTGRES_PASSWORD']}@{self.postgres.at}/{name}"

    def manage(self, *arguments: str) -> str:
        return self.workers[0].run(sys.executable, "manage.py", *arguments)

    def ask(self, code: str) -> Any:
        """Run code inside the site; return what it printed as JSON."""
        return json.loads(self.manage("shell", "--no-imports", "-c", code).splitlines()[-1])

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Query the database directly, because `ask` takes seconds."""
        with psycopg.connect(self.database()) as server:
            return server.execute(sql.encode()).fetchall()

    def call(
        self, method: str, path: str, body: bytes = b"", token: str = "", host: Host | None = None, **headers: str
    ) -> Answer:
        """Call through the proxy, or a host behind it. Raises OSError or HTTPException where no answer comes."""
        host = host or self.nginx
        headers = {name.replace("_", "-"): value for name, value in headers.items()} | {"Host": "localhost"}
        if token:
            headers["Authorization"] = f"Token {token}"
        return call(host.address, host.port, method, path, body, headers)

    def post(self, picture: bytes, token: str, path: str = PREDICTIONS, **more: Any) -> Answer:
        body, kind = multipart(picture)
        return self.call("POST", path, body, token, Content_Type=kind, **more)

    def is_ready(self, host: Host) -> bool:
        try:
            return self.call("GET", "/readyz", host=host).status == 200
        except (OSError, HTTPException):
            return False

    def until(self, done: Callable[[], Any], otherwise: str, timeout: float = TIMEOUT) -> Any:
        """Poll; return the first true answer."""

        def explain() -> str:
            logs = [f"{host.name}: {host.log.read_text()[-1500:]}" for host in self.network.hosts]
            return "\n".join([otherwise, *logs])

        return wait_until(done, timeout, explain)

    def until_well(self) -> None:
        """Start stopped hosts, and wait until both web hosts answer through the proxy."""
        for host in self.network.hosts:
            if not host.is_running:
                host.start()
        self.until(lambda: all(self.is_ready(host) for host in self.web), "the web hosts are not ready")
        self.until(lambda: self.nginx.answers, "nginx does not answer")
