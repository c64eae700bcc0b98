"""Memory of a web process after a thousand readings, and after fifty thousand.

`python -m benchmarks.drift [READINGS]` starts a site and sends it that many pictures; each is stored.
"""

import sys
import tempfile
from pathlib import Path

from tqdm import tqdm

from . import pictures
from .load import picture_call, send
from .processes import free_port, running
from .publishing import publish
from .server import CLIENTS, site_environment, tokens_of_new_users
from .tables import markdown

FIRST, READINGS, STEPS = 1_000, 50_000, 5


def measure(readings: int) -> str:
    """Send readings to a site and measure its web process. Returns a Markdown table. Raises RuntimeError if a call
    fails."""
    steps = (readings * step // STEPS for step in range(1, STEPS + 1))
    marks = [FIRST, *(mark for mark in steps if mark > FIRST)]
    held = []
    with tempfile.TemporaryDirectory() as name, tqdm(total=readings, desc="drift", unit="reading") as bar:
        folder, port = Path(name), free_port()
        environment = site_environment(folder)
        command = ["make", "run", "HOST=127.0.0.1", f"PORT={port}"]
        with running(command, port, "/readyz", environment, folder / "log") as server:
            call = picture_call(
                port, "/api/v1/predictions/", pictures.drawn_digit(), 201, tokens_of_new_users(environment)[0]
            )
            for before, mark in zip([0, *marks], marks, strict=False):
                errors = send([call] * CLIENTS, mark - before, bar.update).errors
                if errors:
                    raise RuntimeError(f"{len(errors)} calls failed, the first with {errors[0]}")
                held.append(server.resident("gunicorn") / 1e6)
    rows = [[f"{mark:,}", f"{now:.1f}", f"{now / held[0]:.3f}"] for mark, now in zip(marks, held, strict=True)]
    return (
        f"Memory of the web process with {CLIENTS} clients, every reading stored; it must not grow by 5 %:\n\n"
        + markdown(["after readings", "resident, MB", f"ratio to {FIRST:,}"], rows)
    )


if __name__ == "__main__":
    publish("drift", measure(int(sys.argv[1]) if len(sys.argv) > 1 else READINGS))
