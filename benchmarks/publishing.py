"""What the benchmarks found, written into RESULTS.md and into the page that quotes it."""

import os
import platform
import re
import sys
from pathlib import Path

RESULTS = Path(__file__).with_name("RESULTS.md")
README = RESULTS.parents[1] / "README.md"
OPERATIONS = README.parent / "docs" / "operations.md"


def block(name: str) -> re.Pattern[str]:
    """Match what stands between the marks of a benchmark."""
    return re.compile(rf"(?<=<!-- {name} -->\n).*?(?=<!-- /{name} -->)", re.DOTALL)


def publish(name: str, found: str) -> None:
    """Print what a benchmark found on this machine, and put it between its marks wherever they stand."""
    found = f"On {machine()}.\n\n{found}"
    for path in (RESULTS, README, OPERATIONS):
        path.write_text(block(name).sub(lambda match: found, path.read_text()))
    sys.stdout.write(found)


def machine() -> str:
    """Name the processor, its cores and Python's version."""
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        processor = names[0] if names else processor
    return f"{processor}, {os.cpu_count()} cores, Python {platform.python_version()}"
