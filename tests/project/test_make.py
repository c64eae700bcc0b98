"""The commands that README, docs and `make help` promise."""

import subprocess

import pytest

from benchmarks.processes import ROOT


@pytest.mark.parametrize(
    "target",
    [
        "help",
        "setup",
        "run",
        "test",
        "test-all",
        "cluster-test",
        "check",
        "bench",
        "bench-rows",
        "bench-drift",
        "bench-pen",
        "backup",
        "sbom",
        "screenshots",
        "client",
    ],
)
def test_every_command_that_is_promised_exists(target: str) -> None:
    done = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
