"""One version number, and a changelog that ends with it."""

import re
import tomllib
from pathlib import Path

import yaml
from django.conf import settings as site

ROOT = Path(site.BASE_DIR)
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
KINDS = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]


def test_every_version_number_is_the_same() -> None:
    client = tomllib.loads((ROOT / "clients" / "python" / "pyproject.toml").read_text())
    schema = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text())
    versions = {site.SPECTACULAR_SETTINGS["VERSION"], schema["info"]["version"], client["project"]["version"]}
    assert versions == {VERSION}


def test_the_changelog_has_dated_releases_and_kinds_of_changes() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text()
    unreleased, latest, *_ = re.findall(r"^## (.*)$", changelog, re.MULTILINE)
    assert unreleased == "[Unreleased]"
    assert re.fullmatch(rf"\[{re.escape(VERSION)}\] - \d{{4}}-\d\d-\d\d", latest)
    for release in re.split(r"^## .*$", changelog, flags=re.MULTILINE)[1:]:
        kinds = re.findall(r"^### (.*)$", release, re.MULTILINE)
        assert kinds == [kind for kind in KINDS if kind in kinds]


def test_hooks_run_what_is_installed() -> None:
    [local] = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert local["repo"] == "local"
    assert all(hook["entry"].startswith(".venv/bin/") for hook in local["hooks"])
