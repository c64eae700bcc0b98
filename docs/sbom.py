"""List the libraries of `requirements.txt`, with releases and hashes, as a CycloneDX file. Run with `make sbom`."""

import re
import sys
import tomllib
from pathlib import Path

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

PROJECT = Path(__file__).resolve().parent.parent
LIBRARY = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==(\S+)([^\n]*(?:\n[ \t]+--hash[^\n]*)*)", re.MULTILINE)
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def sbom() -> str:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    site = Component(name=project["name"], version=project["version"], type=ComponentType.APPLICATION)
    bom = Bom()
    bom.metadata.component = site
    parts = [component(*found.groups()) for found in LIBRARY.finditer((PROJECT / "requirements.txt").read_text())]
    bom.components.update(parts)
    bom.register_dependency(site, parts)
    return JsonV1Dot6(bom).output_as_string(indent=1)


def component(name: str, release: str, rest: str) -> Component:
    purl = PackageURL("pypi", None, name.lower().replace("_", "-"), release)
    # A release has a file per system, each with its hash.
    hashes = [HashType(alg=HashAlgorithm.SHA_256, content=digest) for digest in HASH.findall(rest)]
    return Component(name=name, version=release, purl=purl, bom_ref=str(purl), hashes=hashes)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(sbom() + "\n")
