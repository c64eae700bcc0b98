"""Hosts on one machine: network namespaces on a switch of their own or, where none may be made, mere processes.

Namespaces want root and iproute2, and containers seldom let them be made. Processes have addresses of their own in
127.0.0.0/8 instead; nothing can cut them off.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

from benchmarks.processes import ROOT, spawn
from tests.servers import answers

TIMEOUT = 60.0


@dataclass
class Host:
    """A host: an address and one process.

    enter: what a command begins with to run on this host. environment: of all that runs there.
    """

    name: str
    address: str
    port: int
    folder: Path
    enter: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    command: Sequence[str] = ()
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def at(self) -> str:
        return f"{self.address}:{self.port}"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def surroundings(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "TMPDIR": str(self.folder)} | dict(self.environment)

    def run(self, *command: str, checkout: Path = ROOT) -> str:
        """Run a command to its end; return what it printed."""
        done = subprocess.run(
            [*self.enter, *command],
            cwd=checkout, env=self.surroundings, capture_output=True, text=True, timeout=2 * TIMEOUT,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self) -> None:
        self.process = spawn([*self.enter, *self.command], self.surroundings, self.log)

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def answers(self) -> bool:
        return answers(self.address, self.port)

    def stop(self, word: signal.Signals = signal.SIGTERM) -> None:
        """Stop the process and wait for its end."""
        assert self.process
        self.process.send_signal(word)
        self.process.wait(TIMEOUT)

    def kill(self) -> None:
        """Kill the process and its children."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(TIMEOUT)
            # Its children may take a while to die, and hold the port until then.
            while self.answers:
                time.sleep(0.01)


class Network:
    """Processes, each with its own address."""

    ports_from = 10_000
    """Added to a server's usual port: somebody may listen there on every address."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.prefix = f"127.18.{os.getpid() % 250}"
        self.proxies = "127.0.0.0/8"
        self.hosts: list[Host] = []

    def host(self, name: str, port: int) -> Host:
        """Add a host to the network; nothing runs on it yet."""
        folder = self.folder / name
        folder.mkdir()
        address = f"{self.prefix}.{len(self.hosts) + 11}"
        host = Host(name, address, port + self.ports_from, folder, self.connect(name, address))
        self.hosts.append(host)
        return host

    def connect(self, name: str, address: str) -> Sequence[str]:
        return ()

    @contextmanager
    def cut_off(self, host: Host) -> Iterator[None]:
        """Disconnect a host, and connect it again."""
        pytest.skip(f"a process cannot be cut off, and namespaces are not to be had: {why_no_namespaces()}")
        yield

    def close(self) -> None:
        for host in self.hosts:
            host.kill()


class Namespaces(Network):
    """Hosts with network cards on one switch, to which this machine is plugged in too."""

    ports_from = 0

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        number = os.getpid()
        # An address block reserved for network tests.
        self.prefix = f"198.18.{number % 250}"
        self.proxies = f"{self.prefix}.0/24"
        self.mark, self.plug = f"digits-{number}", f"digits{number}"
        self.undo = ExitStack()
        try:
            self.switch = self.namespace("switch")
            ip(f"-n {self.switch} link add ports type bridge")
            ip(f"-n {self.switch} link set ports up")
            ip(f"link add {self.plug} type veth peer name machine netns {self.switch}")
            # A deleted namespace releases its network cards with a delay.
            self.undo.callback(ip, f"link delete {self.plug}")
            ip(f"address add {self.prefix}.1/24 dev {self.plug}")
            ip(f"link set {self.plug} up")
            ip(f"-n {self.switch} link set machine master ports up")
        except OSError:
            self.undo.close()
            raise

    def namespace(self, name: str) -> str:
        name = f"{self.mark}-{name}"
        ip(f"netns add {name}")
        self.undo.callback(ip, f"netns delete {name}")
        return name

    def connect(self, name: str, address: str) -> Sequence[str]:
        space = self.namespace(name)
        ip(f"-n {self.switch} link add {name} type veth peer name eth0 netns {space}")
        ip(f"-n {self.switch} link set {name} master ports up")
        ip(f"-n {space} address add {address}/24 dev eth0")
        ip(f"-n {space} link set eth0 up")
        ip(f"-n {space} link set lo up")
        return ("ip", "netns", "exec", space)

    @contextmanager
    def cut_off(self, host: Host) -> Iterator[None]:
        ip(f"-n {self.switch} link set {host.name} down")
        try:
            yield
        finally:
            ip(f"-n {self.switch} link set {host.name} up")

    def close(self) -> None:
        super().close()
        self.undo.close()


def ip(words: str) -> None:
    """Run iproute2. Raises OSError where it is absent or refuses."""
    done = subprocess.run(["ip", *words.split()], capture_output=True, text=True)
    if done.returncode:
        raise PermissionError(f"ip {words}: {done.stderr.strip()}")


@cache
def why_no_namespaces() -> str:
    """Try to create namespaces; return why that fails, or ""."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return "they want root and iproute2"
    try:
        Namespaces(Path()).close()
    except OSError as error:
        return str(error)
    return ""
