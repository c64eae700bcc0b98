"""A real Chromium on the real site with the shipped network. Any error in a page fails the test."""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.conf import settings as configured
from django.contrib.auth.models import Permission, User
from django.contrib.contenttypes.models import ContentType
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.db import connection, transaction
from django.test import Client
from playwright.sync_api import Browser, ConsoleMessage, Page, Response, expect, sync_playwright

from recognizer.models import ModelVersion, Promotion
from recognizer.serving import cache as serving
from recognizer.serving.install import install_shipped_version

from .chromium import NAMES, find_chromium

TIMEOUT = 20_000
"""Milliseconds to wait for an immediate change; a loaded machine may be slow."""
HOST = "localhost"
"""Where the site under test answers."""
expect.set_options(timeout=TIMEOUT)
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


@pytest.fixture(autouse=True, scope="session")
def static_files_by_whitenoise() -> Iterator[None]:
    """Have static files served as the site serves them, with its headers, and not by Django's handler for tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StaticFilesHandler, "_should_handle", lambda self, path: False)
        yield


@pytest.fixture(scope="session")
def served(django_db_setup: None, django_db_blocker: Any) -> tuple[list[ModelVersion], list[Promotion]]:
    """The rows that `migrate` makes: the version that ships, and that it serves."""
    with django_db_blocker.unblock():
        return list(ModelVersion.objects.all()), list(Promotion.objects.all())


UNTOUCHED = {model._meta.db_table for model in (ContentType, Permission)}
"""Tables that `migrate` fills and no page writes to."""


def erase_rows() -> None:
    tables = [name for name in connection.introspection.django_table_names() if name not in UNTOUCHED]
    with transaction.atomic(), connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"DELETE FROM {connection.ops.quote_name(table)}")  # noqa: S608  # names of our own


@pytest.fixture
def transactional_db(served: tuple[list[ModelVersion], list[Promotion]], django_db_blocker: Any) -> Iterator[None]:
    """Let a test and the server's threads see each other's rows, and keep the rows that `migrate` creates.

    Deleting the few others takes milliseconds. A flush, as pytest-django does it, makes all permissions anew and
    installs the version again.
    """
    with django_db_blocker.unblock():
        yield
        erase_rows()
        versions, promotions = served
        ModelVersion.objects.bulk_create(versions)
        Promotion.objects.bulk_create(promotions)


@pytest.fixture
def db(transactional_db: None) -> None:
    """The database, with rows that the server sees."""


@pytest.fixture(scope="session")
def readers() -> serving._Cache:
    """The reader of this process, loaded once for all tests: what they erase and restore is the same version."""
    return serving._Cache()


@pytest.fixture
def site(transactional_db: None, live_server: Any, readers: serving._Cache, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of the site, which reads with the version that ships."""
    install_shipped_version()  # Restores files that a test deleted.
    readers.looked_at = float("-inf")
    monkeypatch.setattr(serving, "_cache", readers)
    version = ModelVersion.objects.serving()
    assert version is not None
    assert version.shipped
    return str(live_server.url)


@dataclass
class Complaints:
    """Errors of pages: console errors, uncaught exceptions, policy violations, 5xx answers."""

    heard: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def expect(self, pattern: str) -> None:
        """Expect at least one matching error, and ignore all matching ones."""
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
    """Fail a test if its pages have unexpected errors."""
    complaints = Complaints()
    yield complaints
    complaints.check()


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, site: str, complaints: Complaints) -> Iterator[OpenPage]:
    """Open a page in a new browser without cookies."""
    contexts = []

    def open_page(**options: Any) -> Page:
        context = browser.new_context(base_url=site, **({"viewport": {"width": 1280, "height": 900}} | options))
        context.set_default_timeout(TIMEOUT)
        context.add_init_script(TELL_VIOLATIONS)
        if options.get("service_workers") != "allow":
            # The service worker would load its files in each test, and hide calls from the test's routes.
            context.add_init_script("delete Navigator.prototype.serviceWorker")
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
    """Give a page the session of somebody who is logged in already."""
    client = Client()
    client.force_login(user)
    name = configured.SESSION_COOKIE_NAME
    page.context.add_cookies([{"name": name, "value": client.cookies[name].value, "domain": HOST, "path": "/"}])


def fill_in_login(page: Page, username: str, password: str) -> None:
    """Log in through the form of the page that is open."""
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(password)
    page.get_by_role("main").get_by_role("button", name="Log in", exact=True).click()
