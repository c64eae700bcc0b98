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
        "bench-batches",
        "bench-peers",
        "backup",
        "sbom",
        "screenshots",
        "client",
    ],
)
def test_documented_make_target_exists(target: str) -> None:
    done = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
