"""Take the pictures in README and docs: start the site as `make run` does, use it in a browser, fill docs/images/.

Run with `make screenshots`.
"""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from benchmarks.processes import free_port, running
from tests.system.browser.chromium import find_chromium
from tests.system.browser.hand import write
from tests.system.browser.pictures import photograph

PROJECT = Path(__file__).resolve().parent.parent
IMAGES = PROJECT / "docs" / "images"
PYTHON = PROJECT / ".venv" / "bin" / "python"
PASSWORD = "a long pass phrase"
TIMEOUT = 30_000
DESKTOP = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 760}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
DRAWN = ["7", "42", "5", "1066", "86"]
PHOTOGRAPHED = ["2026", "60\n71", "314", "12345\n67890"]


@contextmanager
def running_site(folder: Path) -> Iterator[str]:
    """Run the site on a free port with database and media in a folder, and an administrator named grace.

    Yields its address once it is ready. Raises RuntimeError if it does not start.
    """
    port = free_port()
    environment = {
        "DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}",
        "MEDIA_ROOT": str(folder / "media"),
        "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
    }
    with running(["make", "--silent", "run", f"PORT={port}"], port, "/readyz", environment, folder / "log"):
        create = [PYTHON, "manage.py", "createsuperuser", "--no-input", "--username=grace", "--email="]
        subprocess.run(create, cwd=PROJECT, env=os.environ | environment, stdout=subprocess.DEVNULL, check=True)
        yield f"http://127.0.0.1:{port}"


def draw(page: Page, text: str, height: float = 180) -> None:
    """Draw a number and wait until it is read."""
    page.goto("/")
    # The sheet keeps the drawing before.
    page.evaluate("sessionStorage.clear()")
    page.reload()
    write(page, page.locator("#sheet canvas"), text, height, at=(0.3 * height, 0.5 * height))
    expect(page.locator(".reading-text")).to_have_text(text)
    expect(page.locator(".stale")).to_have_count(0)


def save_drawing(page: Page, text: str) -> None:
    draw(page, text)
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".saved")).to_be_visible()


def upload(page: Page) -> None:
    """Upload photographs, and a file that is not a picture."""
    page.goto("/upload/")
    files = [
        {"name": f"IMG_{2040 + number}.jpg", "mimeType": "image/jpeg", "buffer": photograph(text, number)}
        for number, text in enumerate(PHOTOGRAPHED)
    ]
    notes = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"not a picture"}
    page.locator("#choose").set_input_files([*files, notes])
    expect(page.locator(".upload progress")).to_have_count(0)


def flag_two(page: Page) -> None:
    for number, right in (("5", "6"), ("42", "47")):
        page.goto("/history/")
        page.locator(".card").filter(has=page.get_by_text(number, exact=True)).click()
        page.get_by_label("The right number").fill(right)
        page.get_by_role("button", name="Send").click()
        expect(page.locator(".correction")).to_be_visible()


def log_in(page: Page) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("Username").fill("grace")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Log in", exact=True).click()
    page.wait_for_url("**/history/")


def take(page: Page, name: str) -> None:
    """Save a screenshot with at most 256 colours, once the page's pictures are loaded."""
    page.wait_for_load_state("networkidle")
    file = IMAGES / f"{name}.png"
    page.screenshot(path=file)
    with Image.open(file) as shot:
        shot.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(file, optimize=True)
    print(file.relative_to(PROJECT))


def photograph_site(browser: Browser, address: str) -> None:
    """Use the site as a visitor and as a reviewer, and take a screenshot of each page."""

    def open_page(**options: object) -> Page:
        context = browser.new_context(base_url=address, **options)  # type: ignore[arg-type]
        context.set_default_timeout(TIMEOUT)
        return context.new_page()

    visitor = open_page(**DESKTOP)
    draw(visitor, "3071")
    take(visitor, "draw")
    for text in DRAWN:
        save_drawing(visitor, text)
    upload(visitor)
    take(visitor, "upload")
    flag_two(visitor)
    visitor.goto("/history/")
    take(visitor, "history")
    visitor.locator(".card").filter(has_text="60 71").click()
    take(visitor, "prediction")
    visitor.goto("/about/")
    take(visitor, "about")

    at_night = open_page(**DESKTOP, color_scheme="dark")
    draw(at_night, "3071")
    take(at_night, "draw-dark")

    phone = open_page(**PHONE)
    draw(phone, "42", height=120)
    take(phone, "draw-phone")

    reviewer = open_page(**DESKTOP)
    log_in(reviewer)
    reviewer.goto("/review/")
    take(reviewer, "review")
    reviewer.goto("/admin/recognizer/prediction/")
    take(reviewer, "admin")


def main() -> None:
    expect.set_options(timeout=TIMEOUT)
    IMAGES.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_site(Path(folder)) as address,
        sync_playwright() as playwright,
    ):
        executable = find_chromium()
        if executable is None:
            raise SystemExit("No Chromium is on the PATH. On Debian: apt install chromium")
        browser = playwright.chromium.launch(executable_path=executable)
        photograph_site(browser, address)
        browser.close()


if __name__ == "__main__":
    main()
