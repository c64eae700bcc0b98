"""Which version serves, and this process's cached reader for it."""

import contextlib
import datetime
import hashlib
import json
import logging
import threading
import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import DatabaseError, close_old_connections, connection, transaction

from . import news
from .exceptions import NoServingVersion
from .metrics import SERVING
from .models import ModelVersion, Promotion
from .reading import Reader, Reading, load_classifier
from .storage import unknown_files

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
        self.trouble = ""

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

    def look(self) -> None:
        """Load what serves by now; requests that come meanwhile are read with what there is."""
        with self.lock:
            self.refresh()

    def refresh(self) -> None:
        version = ModelVersion.objects.serving()
        if version is not None:
            self.trouble = self._follow(version)
        self.looked_at = time.monotonic()

    def _follow(self, version: ModelVersion) -> str:
        """Serve a version, or the last one before it that can be. Returns what is the matter, if anything is."""
        if self.current is not None and version.pk == self.current.version.pk:
            return ""
        try:
            self._serve(load_version(version))
        except NoServingVersion as error:
            if self.current is None:
                self._serve(_last_that_loads(error))
            trouble = f"{error}; {self.current.version} goes on serving"  # type: ignore[union-attr]
            if trouble != self.trouble:
                logger.error(trouble)
            return trouble
        return ""

    def _serve(self, reader: ServingReader) -> None:
        if self.current is not None:
            SERVING.labels(self.current.version.name).set(0)
        self.current = reader
        SERVING.labels(reader.version.name).set(1)


def _last_that_loads(error: NoServingVersion) -> ServingReader:
    for version in ModelVersion.objects.served_before():
        with contextlib.suppress(NoServingVersion):
            return load_version(version)
    raise error


_cache = _Cache()


def serving_reader() -> ServingReader:
    """Return this process's reader for the serving version, loading it at need.

    Raises NoServingVersion where none is installed or the only one cannot be loaded.
    """
    return _cache.get()


MOST_PINNED = 2
"""Versions besides the serving one whose readers a process keeps, for calls that ask for them."""


def reader_for(version: ModelVersion | None) -> ServingReader:
    """Return this process's reader for a version, the serving one for None, loading it at need.

    Raises NoServingVersion where it cannot be loaded.
    """
    if version is None:
        return serving_reader()
    current = _cache.current
    return current if current is not None and current.version.pk == version.pk else _pinned(version.pk)


@lru_cache(maxsize=MOST_PINNED)
def _pinned(pk: int) -> ServingReader:
    return load_version(ModelVersion.objects.get(pk=pk))


def serving_now() -> str | None:
    """Name the version that this process has loaded, None where it has none yet. Costs nothing."""
    return str(_cache.current.version) if _cache.current else None


def serving_trouble() -> str:
    """Say why this process does not serve the version that was promoted; "" where it does."""
    return _cache.trouble


def watch_promotions() -> None:
    """Look for promotions in the background as long as this process lives, so that none waits for a request."""
    heard = threading.Event()
    threading.Thread(target=_watch, args=[heard], name="promotions", daemon=True).start()
    threading.Thread(target=_listen, args=[heard], name="news of promotions", daemon=True).start()


def _listen(heard: threading.Event) -> None:
    for _ in news.words():
        heard.set()


def _watch(heard: threading.Event) -> None:
    while True:
        heard.clear()
        try:
            _cache.look()
        except NoServingVersion:
            pass  # /readyz says so.
        except DatabaseError as error:
            logger.warning("looking for a promotion: %s", error)
        finally:
            close_old_connections()
        heard.wait(LOOK_EVERY / 2)


def load_version(version: ModelVersion) -> ServingReader:
    """Load a version's network for the configured runtime, after checking its SHA-256.

    Raises NoServingVersion where the file is missing, damaged or no network.
    """
    content = read_verified(version, settings.RECOGNIZER_RUNTIME)
    try:
        return ServingReader(version, Reader(load_classifier(content, settings.RECOGNIZER_RUNTIME)))
    except ValueError as error:
        raise NoServingVersion(f"version {version} cannot be loaded") from error


def promote_version(version: ModelVersion, by: Any = None) -> Promotion:
    """Promote a version that can be loaded. Raises NoServingVersion for one that cannot."""
    load_version(version)
    return version.promote(by)


def read_verified(version: ModelVersion, runtime: str) -> bytes:
    """Return the file of a version for a runtime: only what this project wrote is ever loaded.

    Raises NoServingVersion where it is missing or not the one whose SHA-256 is recorded.
    """
    keras = runtime == "keras"
    file = version.keras_file if keras else version.litert_file
    recorded = version.keras_sha256 if keras else version.litert_sha256
    try:
        with default_storage.open(str(file)) as stored:
            content = stored.read()
    except OSError as error:
        raise NoServingVersion(f"the file of version {version} is missing") from error
    if hashlib.sha256(content).hexdigest() != recorded:
        raise NoServingVersion(f"the file of version {version} is not the one recorded")
    return content


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
    written = []
    try:
        for field, content in contents.items():
            stored = getattr(version, field)
            if not stored or not default_storage.exists(stored.name):
                stored.save(FILES[field], ContentFile(content), save=False)
                written.append(stored.name)
        version.save()
    except BaseException:
        for name in written:
            default_storage.delete(name)
        raise
    return version


def orphaned_version_files(older_than: datetime.timedelta) -> Iterator[str]:
    """Yield the names of stored networks and pictures that no version names."""

    def known(names: list[str]) -> set[str]:
        fields = ((field, ModelVersion.objects.filter(**{f"{field}__in": names})) for field in FILES)
        return {name for field, versions in fields for name in versions.values_list(field, flat=True)}

    return unknown_files("versions", known, older_than)


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
