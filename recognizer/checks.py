"""System checks of the settings."""

import json
import os
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, register

RUNTIMES = ("litert", "keras")
NETWORKS = ("digits.keras", "digits.tflite")
SHIPPED = (*NETWORKS, "card.json", "mistakes.png")


@register()
def check_runtime(**kwargs: Any) -> list[CheckMessage]:
    if settings.RECOGNIZER_RUNTIME == "keras" and find_spec("keras") is None:
        return [
            Error(
                "RECOGNIZER_RUNTIME is 'keras', but Keras is not installed on this host.",
                hint="Set it to litert, or install requirements.txt in place of requirements-serve.txt.",
                id="recognizer.E004",
            )
        ]
    if settings.RECOGNIZER_RUNTIME in RUNTIMES:
        return []
    return [
        Error(
            f"RECOGNIZER_RUNTIME is {settings.RECOGNIZER_RUNTIME!r}.",
            hint=f"Set it to one of: {', '.join(RUNTIMES)}.",
            id="recognizer.E001",
        )
    ]


@register()
def check_shipped_version(**kwargs: Any) -> list[CheckMessage]:
    folder = Path(settings.SHIPPED_VERSION)
    missing = [name for name in SHIPPED if not (folder / name).is_file()]
    if missing:
        return [
            checks.Warning(
                f"The shipped version lacks {', '.join(missing)}: a new site would have no network.",
                hint="Run manage.py train --ship.",
                id="recognizer.W001",
            )
        ]
    described = json.loads((folder / "card.json").read_text())["files"]
    damaged = [
        name for name in NETWORKS if sha256((folder / name).read_bytes()).hexdigest() != described[name]["sha256"]
    ]
    return [
        Error(
            f"The shipped {name} is not the file that its card describes.",
            hint="Fetch it again, whole and as binary, or run manage.py train --ship.",
            id="recognizer.E003",
        )
        for name in damaged
    ]


@register()
def check_media_is_private(**kwargs: Any) -> list[CheckMessage]:
    media, public = (
        Path(settings.MEDIA_ROOT).resolve(),
        [Path(settings.STATIC_ROOT), *map(Path, settings.STATICFILES_DIRS)],
    )
    if not any(media.is_relative_to(folder.resolve()) for folder in public):
        return []
    return [
        Error(
            "MEDIA_ROOT lies inside a folder of static files, which everybody can read.",
            hint="Set MEDIA_ROOT to a folder of its own.",
            id="recognizer.E002",
        )
    ]


@register(deploy=True)
def check_limits_are_on(**kwargs: Any) -> list[CheckMessage]:
    if settings.REST_FRAMEWORK["DEFAULT_THROTTLE_CLASSES"]:
        return []
    return [
        checks.Warning(
            "API_THROTTLE is off: anybody may call as often as they like.",
            hint="Set API_THROTTLE to on.",
            id="recognizer.W002",
        )
    ]


SQLITE = "django.db.backends.sqlite3"
REDIS = "core.redis_cache.Redis"
BUCKET = "core.storage.s3.Bucket"


@register()
def check_hosts_share_all(**kwargs: Any) -> list[CheckMessage]:
    """Find settings that several hosts would not share."""
    if not settings.SEVERAL_HOSTS:
        return []
    alone = {
        "E010": (
            settings.DATABASES["default"]["ENGINE"] == SQLITE,
            "the database is an SQLite file on one of them",
            "Set DATABASE_URL to PostgreSQL.",
        ),
        "E011": (
            settings.STORAGES["default"]["BACKEND"] != BUCKET,
            "pictures and networks are in a folder on one of them",
            "Set STORAGE_URL to a bucket.",
        ),
        "E012": (
            settings.CACHES["default"]["BACKEND"] != REDIS,
            "each counts rate limits in its own memory, so the limits are not enforced",
            "Set CACHE_URL to Redis.",
        ),
        "E013": (
            settings.CELERY_BROKER_URL.startswith(("filesystem:", "memory:")),
            "the queue is a folder on one of them, which workers on other hosts cannot see",
            "Set CELERY_BROKER_URL to Redis or RabbitMQ.",
        ),
        "E014": (
            not os.environ.get("SECRET_KEY"),
            "each creates its own SECRET_KEY, and rejects the others' sessions and forms",
            "Set SECRET_KEY to the same on all.",
        ),
    }
    return [
        Error(f"The site runs on several hosts, and {what}.", hint=hint, id=f"recognizer.{number}")
        for number, (found, what, hint) in alone.items()
        if found
    ]


@register()
def check_processes_count_together(**kwargs: Any) -> list[CheckMessage]:
    cache = settings.CACHES["default"]
    if settings.WEB_CONCURRENCY == 1 or cache["BACKEND"] == REDIS or cache["LOCATION"]:
        return []
    return [
        Error(
            "WEB_CONCURRENCY asks for several processes, but each would count rate limits in its own memory.",
            hint="Set CACHE_URL to Redis, or to a folder of this machine, such as filecache:///var/lib/digits/limits.",
            id="recognizer.E018",
        )
    ]


@register()
def check_one_place_for_files(**kwargs: Any) -> list[CheckMessage]:
    if settings.STORAGES["default"]["BACKEND"] != BUCKET or not os.environ.get("MEDIA_ROOT"):
        return []
    return [
        Error(
            "MEDIA_ROOT and STORAGE_URL are both set: files would be read from the bucket only.",
            hint="Set one of them.",
            id="recognizer.E015",
        )
    ]


@register()
def check_proxies(**kwargs: Any) -> list[CheckMessage]:
    if not (settings.TRUST_PROXY and settings.TRUSTED_PROXIES):
        return []
    return [
        Error(
            "TRUST_PROXY trusts every client, whatever TRUSTED_PROXIES says.",
            hint="Set TRUSTED_PROXIES only.",
            id="recognizer.E016",
        )
    ]
