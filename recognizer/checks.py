"""Mistakes in the settings, told before the first request."""

import json
from hashlib import sha256
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
                f"The shipped version lacks {', '.join(missing)}: a new database will serve no network.",
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
