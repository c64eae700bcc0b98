"""Refuse invalid pictures and calls many times in a separate process, and print its memory before and after."""

import json
import sys
from pathlib import Path

import django


def resident() -> int:
    """Bytes of memory this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def main(count: int) -> None:
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from .calls import every_call
    from .making import make, post
    from .pictures import every_picture

    # Small ones suffice: a leak shows by the number of calls, not by their size.
    pictures = [data for data, _ in every_picture().values() if len(data) < 5000]
    calls = [call for call in every_call() if len(call.body) < 5000]

    def refuse(times: int) -> int:
        for turn in range(times):
            response = make(calls[turn % len(calls)]) if turn % 2 else post(pictures[turn % len(pictures)])
            assert 400 <= response.status_code < 500
        return resident()

    print(json.dumps({"before": refuse(count // 4), "after": refuse(count)}))  # noqa: T201


if __name__ == "__main__":
    main(int(sys.argv[1]))
