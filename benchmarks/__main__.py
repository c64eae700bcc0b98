"""Runs the benchmarks and writes what they found into RESULTS.md and, as the README quotes it, into the README."""

import os
import platform
import re
import sys
from pathlib import Path

RESULTS = Path(__file__).with_name("RESULTS.md")
README = RESULTS.parents[1] / "README.md"
QUOTE = re.compile(r"(?<=<!-- bench -->\n).*?(?=<!-- /bench -->)", re.DOTALL)


def machine() -> str:
    """Name the processor, its cores and Python's version."""
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        processor = names[0] if names else processor
    return f"{processor}, {os.cpu_count()} cores, Python {platform.python_version()}"


def main() -> None:
    from . import post, reader, server

    measured_server = server.measure()
    measured_post = post.measure()
    # Last, because from then on this process keeps to one core.
    measured_reader = reader.measure()
    found = f"""On {machine()}.

`POST /api/v1/predictions/` of one drawn digit, load generator on the same machine. The site runs as `make run` starts
it, with a database of its own and without limits, and every reading is stored before it is answered.

{measured_server}
Where the milliseconds of one such call go, one client, medians; and the floor below it on this disk: gunicorn with an
application of one line, a picture and a row written so that a power cut would leave them.

{measured_post}
Milliseconds of one core and the most memory at once, as Python and numpy count it, for each stage of one reading;
medians. "From pixels" is what the targets are for: from the grey page to the reading.

{measured_reader}"""
    RESULTS.write_text(f"# What `make bench` found\n\n{found}")
    README.write_text(QUOTE.sub(lambda match: found, README.read_text()))
    sys.stdout.write(found)


if __name__ == "__main__":
    main()
