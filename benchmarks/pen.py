"""Time from lifting the pen to the reading on the screen, for the site of `make run` in a real Chromium."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright
from tqdm import tqdm

from tests.system.browser.chromium import find_chromium
from tests.system.browser.hand import trace, written

from .processes import free_port, running
from .publishing import publish
from .server import site_environment
from .tables import markdown

SCREENS: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1366, "height": 768}},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
}
NUMBER = "1203678911"
"""Ten digits of a stroke each."""
ROWS, HEIGHT = 2, 55
"""Lines of the number, and the height of its digits in pixels: it fits on both screens."""
MUST = 250
"""Target for the 95th percentile, in milliseconds."""

MEASURE = """
window.times = [];
let lifted;
const page = document.querySelector("#draw");
page.querySelector("#sheet").addEventListener("pointerup", () => { lifted = performance.now(); });
new MutationObserver(() => {
  if (!lifted || page.classList.contains("stale")) return;
  window.times.push(performance.now() - lifted);
  lifted = undefined;
}).observe(page, { attributes: true });
"""


def measure(rounds: int = 10) -> dict[str, np.ndarray]:
    """Write the number stroke by stroke on each screen. Returns milliseconds, (rounds, 10) for each."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        command = ["make", "run", "HOST=127.0.0.1", f"PORT={port}"]
        environment = site_environment(Path(folder))
        with (
            running(command, port, "/readyz", environment, Path(folder) / "log"),
            sync_playwright() as playwright,
            tqdm(total=len(SCREENS) * rounds, desc="pen", unit="number") as bar,
        ):
            browser = playwright.chromium.launch(executable_path=find_chromium())
            found = {}
            for screen in SCREENS:
                numbers = []
                for _ in range(rounds):
                    numbers.append(times_on(browser, screen, port))
                    bar.update()
                found[screen] = np.array(numbers)
            browser.close()
    return found


def times_on(browser: Browser, screen: str, port: int) -> list[float]:
    """Write the number once, waiting for the reading after each stroke. Returns milliseconds per stroke."""
    context = browser.new_context(base_url=f"http://127.0.0.1:{port}", bypass_csp=True, **SCREENS[screen])
    page = context.new_page()
    page.goto("/")
    page.evaluate(MEASURE)
    write_and_wait(page)
    times: list[float] = page.evaluate("window.times")
    context.close()
    return times


def write_and_wait(page: Page) -> None:
    box = page.locator("#sheet canvas").bounding_box()
    assert box is not None
    half = len(NUMBER) // ROWS
    for row in range(ROWS):
        corner = box["x"] + 10, box["y"] + 15 + row * 1.6 * HEIGHT
        for number, stroke in enumerate(written(NUMBER[row * half : (row + 1) * half], HEIGHT, corner), row * half + 1):
            trace(page, stroke)
            page.wait_for_function(f"window.times.length === {number}")


def table(found: dict[str, np.ndarray]) -> str:
    rows = []
    for screen, times in found.items():
        for name, part in (("1 stroke", times[:, :1]), ("2 to 10 strokes", times[:, 1:])):
            rows.append([f"{screen}, {name}", *(f"{np.percentile(part, share):.0f}" for share in (50, 95, 100))])
    return markdown(["milliseconds from pen-up to reading", "p50", f"p95, must ≤ {MUST}", "longest"], rows)


if __name__ == "__main__":
    publish("pen", table(measure()))
