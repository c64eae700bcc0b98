"""A real Chromium in front of the real site with the shipped network. Whatever a page complains of fails the test."""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, ConsoleMessage, Page, Response, expect, sync_playwright

from recognizer.models import ModelVersion
from recognizer.serving import install_shipped_version

from .chromium import NAMES, find_chromium

PATIENCE = 20_000
"""Milliseconds to wait for what ought to happen at once; a loaded machine is slow, not wrong."""
expect.set_options(timeout=PATIENCE)
TELL_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) => {
  console.error(`CSP: ${event.effectiveDirective} forbids ${event.blockedURI} in ${event.sourceFile ?? "the page"}`);
});
"""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    executable = find_chromium()
    if executable is None:
        message = f"No Chromium on this machine: none of {', '.join(NAMES)} is on the PATH"
        if os.environ.get("CI"):
            pytest.fail(f"{message}, and CI must not skip it")
        pytest.skip(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--disable-background-networking"])
        yield browser
        browser.close()


@pytest.fixture(autouse=True, scope="session")
def playwright_beside_django() -> Iterator[None]:
    """Let tests use the database.

    Playwright's synchronous interface keeps an event loop running in this thread, in which Django would refuse every
    query; but nothing here runs concurrently with it.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield


@pytest.fixture
def site(transactional_db: None, live_server: Any) -> str:
    """The address of the site, which reads with the version that ships."""
    install_shipped_version()
    serving = ModelVersion.objects.serving()
    assert serving is not None
    assert serving.shipped
    return str(live_server.url)


@dataclass
class Complaints:
    """What pages complained of: errors in the console, uncaught exceptions, violated policies, answers of 5xx."""

    heard: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def expect(self, pattern: str) -> None:
        """Forgive complaints that match, and demand at least one."""
        self.expected.append(pattern)

    def listen(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.heard.append(f"uncaught: {error}"))
        page.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.heard.append(f"{message.text} ({message.location['url']})")

    def _response(self, response: Response) -> None:
        if response.status >= 500:
            self.heard.append(f"{response.status} from {response.url}")

    def check(self) -> None:
        for pattern in self.expected:
            assert any(re.search(pattern, text) for text in self.heard), f"nothing complained of {pattern}"
        surprises = [text for text in self.heard if not any(re.search(p, text) for p in self.expected)]
        assert surprises == []


@pytest.fixture(autouse=True)
def complaints() -> Iterator[Complaints]:
    """Fail every test whose pages complain of what it does not expect."""
    complaints = Complaints()
    yield complaints
    complaints.check()


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, site: str, complaints: Complaints) -> Iterator[OpenPage]:
    """Open a page in a browser of its own: nobody has been here with it before."""
    contexts = []

    def open_page(**options: Any) -> Page:
        context = browser.new_context(base_url=site, **({"viewport": {"width": 1280, "height": 900}} | options))
        context.set_default_timeout(PATIENCE)
        context.add_init_script(TELL_VIOLATIONS)
        contexts.append(context)
        page = context.new_page()
        complaints.listen(page)
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    return open_page()


def log_in(page: Page, user: User) -> None:
    """Log in through the form."""
    page.goto("/accounts/login/")
    page.get_by_label("Username").fill(user.get_username())
    page.get_by_label("Password").fill("a long pass phrase")
    page.get_by_role("main").get_by_role("button", name="Log in").click()
    page.wait_for_url("**/history/")
