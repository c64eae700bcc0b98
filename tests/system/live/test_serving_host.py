"""A web host has the libraries of requirements-serve.txt only, without TensorFlow."""

import os
import re
import tomllib
from pathlib import Path

import pytest

from benchmarks.processes import ROOT
from tests.sites import Site, database_in, install

FOR_WORKERS = {
    "ai-edge-quantizer": "ai_edge_quantizer",
    "keras": "keras",
    "tensorflow": "tensorflow",
    "tensorflow-cpu": "tensorflow",
    "scipy": "scipy",
    "scikit-image": "skimage",
    "matplotlib": "matplotlib",
}
"""What workers need besides, and the name under which it is imported."""

ABSENT = f"""
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {set(FOR_WORKERS.values())}:
            raise ModuleNotFoundError(f"No module named {{name!r}} on this host", name=name)

sys.meta_path.insert(0, Absent())
"""
LOOK = "import json, importlib\ntry: importlib.import_module('keras')\nexcept ImportError: print(json.dumps('absent'))"


def required(file: str) -> set[str]:
    lines = (ROOT / file).read_text().splitlines()
    return {match[0] for line in lines if (match := re.match(r"[A-Za-z][\w-]*", line))}


def test_worker_requirements_extend_those_of_web_hosts() -> None:
    group = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["training"]
    assert {pin.partition("==")[0] for pin in group} == set(FOR_WORKERS)
    assert required("requirements-serve.txt") <= required("requirements.txt") - set(FOR_WORKERS)


@pytest.fixture
def serving_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Hide the workers' libraries from every Python started from now on."""
    (tmp_path / "sitecustomize.py").write_text(ABSENT)
    monkeypatch.setenv("DEBUG", "on")  # Pages need no collected static files then.
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(ROOT)]))
    return tmp_path


def test_host_without_tensorflow_migrates_checks_and_serves(
    serving_host: Path, mnist_pictures: dict[int, bytes]
) -> None:
    with database_in(serving_host) as database:
        site = Site(serving_host, database)
        try:
            install(site)
            assert site.ask(LOOK) == "absent"
            site.manage("check")
            site.start()
            answer = site.post(mnist_pictures[7])
            assert (answer.status, answer.json()["text"]) == (201, "7")
            for path in ("/", "/history/", "/about/", "/admin/login/", "/api/v1/schema/", "/dashboard/"):
                assert site.call("GET", path).status in (200, 302), path
        finally:
            site.close()
