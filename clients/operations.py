"""Write the calls of the API for clients/js: `python clients/operations.py SCHEMA OUT`; `make client` runs it."""

import json
import sys
from pathlib import Path
from typing import Any

import yaml


def operations(schema: dict[str, Any]) -> dict[str, list[str]]:
    """Return the method and the path of each call, by its name."""
    return {
        call["operationId"]: [method.upper(), path]
        for path, calls in schema["paths"].items()
        for method, call in calls.items()
    }


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    found = json.dumps(operations(yaml.safe_load(source.read_text())), indent=2)
    target.write_text(f"// Written by `make client` from the API's schema.\nexport const OPERATIONS = {found};\n")
