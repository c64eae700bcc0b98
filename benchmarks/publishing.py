"""Write benchmark results into RESULTS.md, README, docs and the shipped model card."""

import json
import os
import platform
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).with_name("RESULTS.md")
README = RESULTS.parents[1] / "README.md"
DOCS = README.parent / "docs"
SHIPPED = README.parent / "training" / "shipped"


def block(name: str) -> re.Pattern[str]:
    """Match the block between a benchmark's marks."""
    return re.compile(rf"(?<=<!-- {name} -->\n).*?(?=<!-- /{name} -->)", re.DOTALL)


def publish(name: str, found: str) -> None:
    """Print a benchmark's results on this machine, and publish them between its marks."""
    found = f"On {machine()}.\n\n{found}"
    replace_blocks(name, found)
    sys.stdout.write(found)


def replace_blocks(name: str, text: str) -> None:
    """Replace the text between a benchmark's marks in all documents."""
    for path in (RESULTS, README, *DOCS.glob("*.md")):
        path.write_text(block(name).sub(lambda match: text, path.read_text()))


@contextmanager
def shipped_card() -> Iterator[dict[str, Any]]:
    """Open the shipped version's card, and write it back at the end."""
    path = SHIPPED / "card.json"
    card = json.loads(path.read_text())
    yield card
    path.write_text(json.dumps(card, indent=1) + "\n")


def machine() -> str:
    """Name the processor, its cores and Python's version."""
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        processor = names[0] if names else processor
    return f"{processor}, {os.cpu_count()} cores, Python {platform.python_version()}"
