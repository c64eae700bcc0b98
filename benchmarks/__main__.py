"""Runs the benchmarks and writes what they found into RESULTS.md."""

import os
import platform
import sys
from pathlib import Path

RESULTS = Path(__file__).with_name("RESULTS.md")


def machine() -> str:
    """Name the processor, its cores and Python's version."""
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        processor = names[0] if names else processor
    return f"{processor}, {os.cpu_count()} cores, Python {platform.python_version()}"


def main() -> None:
    from . import reader, server

    measured_server = server.measure()
    # Last, because from then on this process keeps to one core.
    measured_reader = reader.measure()
    text = f"""# What `make bench` found

On {machine()}.

## Reader

Milliseconds of one core and the most memory at once, as Python and numpy count it, for each stage of one reading;
medians. "From pixels" is what the targets are for: from the grey page to the reading.

{measured_reader}
## Server

`POST /api/v1/predictions/` of one drawn digit, load generator on the same machine. The site runs as `make run` starts
it, with a database of its own and without limits, and every reading is stored before it is answered.

{measured_server}"""
    RESULTS.write_text(text)
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
