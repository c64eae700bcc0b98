"""Every package has a contract for its imports, and every module a layer in it."""

import tomllib
from pathlib import Path

import pytest
from django.conf import settings as site

ROOT = Path(site.BASE_DIR)
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
BY_DJANGO = {"migrations", "management", "commands", "templatetags"}
"""Packages that Django fills by its own rules; their modules stand beside each other."""

PACKAGES = [
    ".".join(file.parent.relative_to(ROOT).parts)
    for root in CONTRACTS["root_packages"]
    for file in sorted((ROOT / root).rglob("__init__.py"))
    if not BY_DJANGO & set(file.parent.parts)
]


def test_import_contracts_cover_every_package() -> None:
    folders = {file.parent.name for file in ROOT.glob("*/__init__.py")}
    assert set(CONTRACTS["root_packages"]) == folders - {"tests"}


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_of_a_package_has_a_layer(package: str) -> None:
    contracts = [contract for contract in CONTRACTS["contracts"] if package in contract.get("containers", [])]
    assert [contract["exhaustive"] for contract in contracts] == [True]
    assert set(contracts[0].get("exhaustive_ignores", [])) <= {"migrations"}


def test_reading_package_imports_no_other_package() -> None:
    [contract] = [
        contract for contract in CONTRACTS["contracts"] if contract.get("source_modules") == ["recognizer.reading"]
    ]
    others = set(CONTRACTS["root_packages"]) - {"recognizer"}
    assert others | {"django", "rest_framework"} <= set(contract["forbidden_modules"])
    [inside] = [contract for contract in CONTRACTS["contracts"] if contract.get("containers") == ["recognizer"]]
    assert inside["layers"][-1] == "reading"
