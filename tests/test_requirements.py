"""What is installed is what was locked: every library is one release, known by its hashes."""

import re
from pathlib import Path

import pytest
from django.conf import settings as site

ROOT = Path(site.BASE_DIR)
NAMES = ["requirements-serve", "requirements", "requirements-dev"]


def locked(name: str) -> dict[str, tuple[str, list[str]]]:
    """Return release and hashes of each library of a lock file."""
    entries = re.findall(
        r"^([\w.-]+)(?:\[[\w, -]+\])?==(\S+)(.*(?:\n    .*)*)", (ROOT / f"{name}.txt").read_text(), re.MULTILINE
    )
    return {
        library: (release, re.findall(r"--hash=sha256:([0-9a-f]{64})\b", rest)) for library, release, rest in entries
    }


def asked(name: str) -> dict[str, str]:
    """Return the releases that a source names, as a lock file spells their libraries; none for what it includes."""
    pins = re.findall(r"^([\w.-]+)(?:\[[\w,-]+\])?==([\w.]+)", (ROOT / f"{name}.in").read_text(), re.MULTILINE)
    return {re.sub(r"[-_.]+", "-", library).lower(): release for library, release in pins}


@pytest.mark.parametrize("name", NAMES)
def test_every_library_is_locked_with_its_hashes(name: str) -> None:
    lines = [line for line in (ROOT / f"{name}.txt").read_text().splitlines() if line[:1].isalnum()]
    assert len(lines) == len(locked(name)) > 40
    assert not [library for library, (_, hashes) in locked(name).items() if not hashes]


@pytest.mark.parametrize("name", NAMES)
def test_the_locks_hold_what_their_sources_ask_for(name: str) -> None:
    releases = {library: release for library, (release, _) in locked(name).items()}
    assert asked(name).items() <= releases.items(), "make lock has not been run"


def test_what_libraries_add_to_others_is_locked_with_them() -> None:
    """Pip takes `coverage[toml]` for another library than `coverage`, and its newest release for unlocked."""
    assert re.search(r"^coverage\[toml\]==", (ROOT / "requirements-dev.txt").read_text(), re.MULTILINE)


def test_the_locks_agree() -> None:
    serve, worker, dev = map(locked, NAMES)
    assert serve.items() <= worker.items() <= dev.items()


def test_nothing_is_installed_without_its_hash() -> None:
    files = ["Makefile", "deploy/Dockerfile"]
    installs = [line for file in files for line in (ROOT / file).read_text().splitlines() if "pip install" in line]
    assert len(installs) == 4
    assert all("--require-hashes" in line for line in installs)
