"""The API follows its schema for any request, by all checks of schemathesis."""

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.processes import ROOT
from tests.sites import Site

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
USERS = """
[auth.wfc]
path = "{}"
user = "ada"
peers = ["ada", "blaise"]
"""


def assert_kept(site: Site, configuration: Path, *options: str) -> None:
    """Let schemathesis send valid and invalid calls to each address, alone and in sequences."""
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(configuration), "--no-color", "run"]
    command += [f"http://127.0.0.1:{site.port}/api/v1/schema/", "--checks", "all", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def test_api_follows_its_schema_for_visitors(site: Site) -> None:
    # Each call comes without a cookie, so from a new visitor, who does not see what the last one sent.
    assert_kept(site, CONFIGURATION, "--exclude-checks", "ensure_resource_availability")


def test_api_follows_its_schema_for_users(site: Site, tmp_path: Path) -> None:
    users = [
        {"name": name, "fixedHeaders": [{"name": "Authorization", "value": f"Token {token}"}]}
        for name, token in site.tokens.items()
    ]
    (tmp_path / "users.json").write_text(json.dumps({"auth": users}))
    configuration = tmp_path / "schemathesis.toml"
    configuration.write_text(CONFIGURATION.read_text() + USERS.format(tmp_path / "users.json"))
    assert_kept(site, configuration)
