"""Which version serves, and this process's cached reader for it."""

import hashlib
import json
import logging
import threading
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection, transaction

from .exceptions import NoServingVersion
from .metrics import SERVING
from .models import ModelVersion, Promotion
from .reading import Reader, Reading, load_classifier

logger = logging.getLogger(__name__)

LOOK_EVERY = 1.0
"""Seconds between two looks for a newer promotion."""


class ServingReader:
    """A version and its reader, loaded and warm."""

    def __init__(self, version: ModelVersion, reader: Reader) -> None:
        self.version = version
        self.reader = reader

    def read(self, data: bytes) -> Reading:
        return self.reader.read(data)


class _Cache:
    """One reader a process. While one thread looks for a newer version, the others go on with what there is."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.current: ServingReader | None = None
        self.looked_at = -LOOK_EVERY

    def get(self) -> ServingReader:
        current = self.current
        if current is not None and time.monotonic() - self.looked_at < LOOK_EVERY:
            return current
        if self.lock.acquire(blocking=current is None):
            try:
                self.refresh()
            finally:
                self.lock.release()
        if self.current is None:
            raise NoServingVersion("no version of the network is installed")
        return self.current

    def refresh(self) -> None:
        version = ModelVersion.objects.serving()
        if version is not None and (self.current is None or version.pk != self.current.version.pk):
            try:
                self.current = load_version(version)
                SERVING.info({"version": version.name})
            except NoServingVersion as error:
                if self.current is None:
                    raise
                logger.error("%s; %s goes on serving", error, self.current.version)
        self.looked_at = time.monotonic()


_cache = _Cache()


def serving_reader() -> ServingReader:
    """Return this process's reader for the serving version, loading it at need.

    Raises NoServingVersion where none is installed or the only one cannot be loaded.
    """
    return _cache.get()


def serving_now() -> str | None:
    """Name the version that this process has loaded, None where it has none yet. Costs nothing."""
    return str(_cache.current.version) if _cache.current else None


def load_version(version: ModelVersion) -> ServingReader:
    """Load a version's network for the configured runtime, after checking its SHA-256.

    Raises NoServingVersion where the file is missing, damaged or no network.
    """
    keras = settings.RECOGNIZER_RUNTIME == "keras"
    file = version.keras_file if keras else version.litert_file
    recorded = version.keras_sha256 if keras else version.litert_sha256
    try:
        with default_storage.open(str(file)) as stored:
            content = stored.read()
    except OSError as error:
        raise NoServingVersion(f"the file of version {version} is missing") from error
    if hashlib.sha256(content).hexdigest() != recorded:
        raise NoServingVersion(f"the file of version {version} is not the one recorded")
    try:
        return ServingReader(version, Reader(load_classifier(content, settings.RECOGNIZER_RUNTIME)))
    except ValueError as error:
        raise NoServingVersion(f"version {version} cannot be loaded") from error


FILES = {"keras_file": "digits.keras", "litert_file": "digits.tflite", "mistakes": "mistakes.png"}


def install_version(folder: Path, shipped: bool = False) -> ModelVersion:
    """Copy a version's folder (`card.json`, networks, `mistakes.png`) into the default storage and record it.

    A version is its networks: one already recorded is returned as it stands, files that are missing written again.
    Raises ValueError where a network is not the one its card describes.
    """
    card = json.loads((folder / "card.json").read_text())
    contents = {field: (folder / name).read_bytes() for field, name in FILES.items()}
    hashes = {f"{kind}_sha256": hashlib.sha256(contents[f"{kind}_file"]).hexdigest() for kind in ("keras", "litert")}
    for kind, recorded in hashes.items():
        name = FILES[kind.replace("sha256", "file")]
        if card["files"][name]["sha256"] != recorded:
            raise ValueError(f"{folder / name} is not the file that its card describes")
    version = ModelVersion.objects.filter(**hashes).first()
    if version is None:
        taken = ModelVersion.objects.filter(name=card["name"]).exists()
        name = f"{card['name']}-{hashes['keras_sha256'][:8]}" if taken else card["name"]
        version = ModelVersion(name=name, card=card, shipped=shipped, **hashes)
    for field, content in contents.items():
        stored = getattr(version, field)
        if not stored or not default_storage.exists(stored.name):
            stored.save(FILES[field], ContentFile(content), save=False)
    version.save()
    return version


def install_shipped_version(**kwargs: Any) -> None:
    """Install the version the project ships. It serves, unless a version made here does or it was replaced before."""
    folder = Path(settings.SHIPPED_VERSION)
    # Migrating backwards ends here too, when the tables are gone.
    tables = connection.introspection.table_names()
    if kwargs.get("using", "default") != "default" or Promotion._meta.db_table not in tables:
        return
    if not (folder / "card.json").exists():
        return
    try:
        with transaction.atomic():
            version = install_version(folder, shipped=True)
            serving = ModelVersion.objects.serving()
            if serving is None or (serving.shipped and not version.promotions.exists()):
                version.promote()
    except (ValueError, OSError) as error:
        logger.error("the shipped version is not installed: %s", error)
