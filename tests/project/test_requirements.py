"""Every library is locked to one release by its hashes."""

import json
import re
import tomllib
from pathlib import Path

import pytest
from django.conf import settings as site

from docs.sbom import sbom

ROOT = Path(site.BASE_DIR)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
NAMES = ["requirements-serve", "requirements", "requirements-dev", "requirements-bench"]


def locked(name: str) -> dict[str, tuple[str, list[str]]]:
    """Return release and hashes of each library of a lock file."""
    entries = re.findall(
        r"^([\w.-]+)(?:\[[\w, -]+\])?==(\S+)(.*(?:\n +.*)*)", (ROOT / f"{name}.txt").read_text(), re.MULTILINE
    )
    return {
        library: (release, re.findall(r"--hash=sha256:([0-9a-f]{64})\b", rest)) for library, release, rest in entries
    }


def spelled(library: str) -> str:
    return re.sub(r"[-_.]+", "-", library).lower()


def pinned(name: str) -> dict[str, str]:
    """Return the releases that pyproject.toml names for a lock file."""
    site, groups = PROJECT["project"]["dependencies"], PROJECT["dependency-groups"]
    lists = {
        "requirements-serve": [site],
        "requirements": [site, groups["training"]],
        "requirements-dev": [site, groups["training"], groups["dev"]],
        "requirements-bench": [groups["bench"]],
    }[name]
    pins = [
        re.match(r"([\w.-]+)(?:\[[\w,-]+\])?==([\w.]+)", pin) for pins in lists for pin in pins if isinstance(pin, str)
    ]
    assert all(pins), "every library is one release"
    return {spelled(pin[1]): pin[2] for pin in pins if pin}


def releases(name: str) -> dict[str, str]:
    return {library: release for library, (release, _) in locked(name).items()}


@pytest.mark.parametrize("name", NAMES)
def test_every_library_is_locked_with_its_hashes(name: str) -> None:
    lines = [line for line in (ROOT / f"{name}.txt").read_text().splitlines() if line[:1].isalnum()]
    assert len(lines) == len(locked(name)) > 30
    assert not [library for library, (_, hashes) in locked(name).items() if not hashes]


@pytest.mark.parametrize("name", NAMES)
def test_requirements_files_match_the_lock(name: str) -> None:
    assert pinned(name).items() <= releases(name).items(), "make lock has not been run"


@pytest.mark.parametrize("name", NAMES)
def test_locks_name_no_index(name: str) -> None:
    """A lock that names a private mirror would bind everybody to it."""
    lines = [line for line in (ROOT / f"{name}.txt").read_text().splitlines() if not line.startswith("#")]
    assert not [line for line in lines if "://" in line or "index-url" in line]


def test_extras_of_libraries_are_locked_too() -> None:
    """Pip takes `coverage[toml]` for another library than `coverage`, and its newest release for unlocked."""
    assert re.search(r"^coverage\[toml\]==", (ROOT / "requirements-dev.txt").read_text(), re.MULTILINE)


def test_requirement_locks_agree() -> None:
    serve, worker, dev, bench = map(locked, NAMES)
    assert serve.items() <= worker.items() <= dev.items()
    assert all(bench[library] == dev[library] for library in bench.keys() & dev.keys()), "both are in one environment"


@pytest.mark.parametrize("name", NAMES)
def test_each_lock_is_below_300_kilobytes(name: str) -> None:
    assert (ROOT / f"{name}.txt").stat().st_size < 300_000


def test_make_installs_with_hashes_only() -> None:
    files = ["Makefile", "deploy/Dockerfile"]
    installs = [line for file in files for line in (ROOT / file).read_text().splitlines() if "pip install" in line]
    assert len(installs) == 5
    assert all("--require-hashes" in line for line in installs)


def test_the_sbom_has_each_locked_library_with_its_hashes() -> None:
    components = json.loads(sbom())["components"]
    locked = re.findall(r"^([\w.-]+)(?:\[.*\])?==", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert sorted(each["name"] for each in components) == sorted(set(locked))
    assert all(each["hashes"] and each["purl"].startswith("pkg:pypi/") for each in components)
