"""Milliseconds and queries of admin, history and API list with many rows.

`python -m benchmarks.rows [ROWS]` creates a site with a million predictions, or as many as given.
"""

import base64
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .processes import ROOT
from .publishing import publish
from .server import site_environment
from .tables import markdown

ROWS = 1_000_000
TIMES = 40
DEEP = 10_000
"""The page compared with the first one, or the last page if there are fewer."""


@dataclass
class Opened:
    """A page, with the cost of opening it."""

    name: str
    user: Any
    path: str
    query: dict[str, Any] = field(default_factory=dict)
    queries: int = 0
    milliseconds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.milliseconds)

    @property
    def p95(self) -> float:
        return statistics.quantiles(self.milliseconds, n=20, method="inclusive")[-1]


def measure() -> str:
    """Open each page many times in this process. Returns Markdown, a table and what deep pages cost.

    Runs on the database of DATABASE_URL, filled by `manage.py seed_predictions`.
    """
    import django

    django.setup()
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.test.utils import override_settings
    from django.utils import timezone

    from recognizer.api.pagination import NewestFirst
    from recognizer.models import Prediction
    from recognizer.pagination import PAGE

    superuser, _ = User.objects.get_or_create(username="rows", is_staff=True, is_superuser=True)
    owner = User.objects.get(username="seed")
    count, newest = Prediction.objects.count(), Prediction.objects.latest("id").pk
    admin, history, api = "/admin/recognizer/prediction/", "/history/", "/api/v1/predictions/"
    mine = Prediction.objects.filter(owner=owner).order_by("-pk").values_list("pk", flat=True)
    deep = min(DEEP, mine.count() // max(PAGE, NewestFirst.page_size))

    def before(page: int, size: int) -> int:
        """Return the id that ends the page before this one."""
        return int(mine[(page - 1) * size - 1])

    history_pages = [
        Opened("history: page 1", owner, history),
        Opened(f"history: page {deep:,}", owner, history, {"before": before(deep, PAGE)}),
    ]
    narrowed = [
        Opened("history: least sure first", owner, history, {"sort": "confidence"}),
        Opened("history: unsure", owner, history, {"sure": "false"}),
        Opened("history: search without results", owner, history, {"text": "31415926"}),
    ]
    api_pages = [
        Opened("API list: page 1", owner, api),
        Opened(f"API list: page {deep:,}", owner, api, {"cursor": cursor(before(deep, NewestFirst.page_size))}),
    ]
    admin_pages = [
        Opened("admin: list", superuser, admin),
        Opened("admin: last page", superuser, admin, {"p": min(200, count // 50)}),
        Opened("admin: one year", superuser, admin, {"created_at__year": timezone.now().year}),
        Opened("admin: one source", superuser, admin, {"source__exact": "draw"}),
        Opened("admin: flagged", superuser, admin, {"flagged": "yes"}),
        Opened("admin: search", superuser, admin, {"q": "7"}),
        Opened("admin: search without results", superuser, admin, {"q": "31415926"}),
        Opened("admin: detail", superuser, f"{admin}{newest}/change/"),
    ]
    storages = settings.STORAGES | {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
    with override_settings(ALLOWED_HOSTS=["testserver"], STORAGES=storages):
        for page in admin_pages + narrowed:
            open_often([page])
        # Alternately, so that other load on the machine affects both.
        open_often(history_pages)
        open_often(api_pages)
    pages = admin_pages + history_pages + narrowed + api_pages
    rows = [[page.name, f"{page.median:.0f}", f"{page.p95:.0f}", str(page.queries)] for page in pages]
    return (
        f"With {count:,} predictions, half of them one user's, each page opened {TIMES} times. "
        "Limits for a page of the admin: 300 ms at p95, and 10 queries.\n\n"
        + markdown(["", "median, ms", "p95, ms", "queries"], rows)
        + f"\nPage {deep:,} takes {ratio(history_pages):.2f} times as long as page 1 in the history, and "
        f"{ratio(api_pages):.2f} times as long in the API's list; the limit is 1.2.\n"
    )


def open_often(pages: list[Opened]) -> None:
    """Open pages alternately and repeatedly as their users, after counting the queries of each once.

    Raises AssertionError if a page does not exist.
    """
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    clients = [Client() for _ in pages]
    for client, page in zip(clients, pages, strict=True):
        client.force_login(page.user)
        client.get(page.path, page.query)
        with CaptureQueriesContext(connection) as queries:
            client.get(page.path, page.query)
        page.queries = len(queries)
    for _ in range(TIMES):
        for client, page in zip(clients, pages, strict=True):
            start = time.perf_counter()
            response = client.get(page.path, page.query)
            page.milliseconds.append(1000 * (time.perf_counter() - start))
            assert response.status_code == 200, (page.path, response.status_code)


def ratio(pages: list[Opened]) -> float:
    """Return the ratio of the last page's time to the first one's."""
    return pages[-1].median / pages[0].median


def cursor(position: int) -> str:
    return base64.b64encode(f"p={position}".encode()).decode()


def main(rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= site_environment(Path(folder)) | {"HTTPS": "off", "DJANGO_SETTINGS_MODULE": "digitsite.settings"}
        subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, check=True)
        started = time.perf_counter()
        subprocess.run([sys.executable, "manage.py", "seed_predictions", str(rows)], cwd=ROOT, check=True)
        minutes = (time.perf_counter() - started) / 60
        logging.disable(logging.INFO)
        publish("rows", f"{measure()}\n`manage.py seed_predictions {rows}` took {minutes:.1f} minutes.\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS)
