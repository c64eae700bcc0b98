"""Admin, history and API list with many rows: milliseconds, and queries, of the pages that people open."""

import os
import statistics
import time
from typing import Any

from .tables import markdown

TIMES = 9


def measure() -> str:
    """Open each page a few times in this process. Returns a Markdown table.

    Runs on the database of DATABASE_URL, where `manage.py seed_predictions` has stored what is to be paged through.
    """
    import django

    django.setup()
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext, override_settings
    from django.utils import timezone

    from recognizer.models import Prediction

    superuser, _ = User.objects.get_or_create(username="rows", is_staff=True, is_superuser=True)
    owner = User.objects.get(username="seed")
    count, newest = Prediction.objects.count(), Prediction.objects.latest("id").pk
    admin, mine, deep = "/admin/recognizer/prediction/", "/history/", max(1, newest - 2 * 10_000 * 24)
    pages: list[tuple[str, User, str, dict[str, Any]]] = [
        ("admin: list", superuser, admin, {}),
        ("admin: last page", superuser, admin, {"p": min(200, count // 50)}),
        ("admin: one year", superuser, admin, {"created_at__year": timezone.now().year}),
        ("admin: one source", superuser, admin, {"source__exact": "draw"}),
        ("admin: flagged", superuser, admin, {"flagged": "yes"}),
        ("admin: search", superuser, admin, {"q": "7"}),
        ("admin: search for what is not there", superuser, admin, {"q": "31415926"}),
        ("admin: detail", superuser, f"{admin}{newest}/change/", {}),
        ("history: page 1", owner, mine, {}),
        ("history: page 10,000", owner, mine, {"before": deep}),
        ("API list: page 1", owner, "/api/v1/predictions/", {}),
        ("API list: page 10,000", owner, "/api/v1/predictions/", {"cursor": cursor(deep)}),
    ]
    rows = []
    storages = settings.STORAGES | {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
    with override_settings(ALLOWED_HOSTS=["testserver"], STORAGES=storages):
        for name, user, path, query in pages:
            client = Client()
            client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
            client.get(path, query)
            times = []
            for _ in range(TIMES):
                with CaptureQueriesContext(connection) as queries:
                    start = time.perf_counter()
                    response = client.get(path, query)
                    times.append(1000 * (time.perf_counter() - start))
                assert response.status_code == 200, (path, response.status_code)
            rows.append([name, f"{statistics.median(times):.0f}", f"{max(times):.0f}", str(len(queries))])
    return f"With {count:,} predictions.\n\n" + markdown(["", "median, ms", f"worst of {TIMES}, ms", "queries"], rows)


def cursor(position: int) -> str:
    import base64

    return base64.b64encode(f"p={position}".encode()).decode()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "digitsite.settings")
    print(measure())
