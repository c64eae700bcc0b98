"""Install versions of the network in storage and database, and promote them."""

import datetime
import hashlib
import json
import logging
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection, transaction

from core.models import AuditEntry
from core.storage.deletion import delete_files
from core.storage.durable import unknown_files
from recognizer.models import ModelVersion, Promotion
from recognizer.serving.loading import load_version

logger = logging.getLogger(__name__)


def promote_version(version: ModelVersion, by: Any = None) -> Promotion:
    """Make a version current. Raises NoServingVersion if it cannot be loaded."""
    load_version(version)
    return version.promote(by)


FILES = {"keras_file": "digits.keras", "litert_file": "digits.tflite", "mistakes": "mistakes.png"}


def install_version(folder: Path, shipped: bool = False) -> ModelVersion:
    """Copy a version's folder (`card.json`, networks, `mistakes.png`) into the default storage and record it.

    A version is identified by the hashes of its networks. If it is recorded already, that row is returned, and its
    missing or damaged files are written again. Raises ValueError if a network does not match its card.
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
        name_taken = ModelVersion.objects.filter(name=card["name"]).exists()
        name = f"{card['name']}-{hashes['keras_sha256'][:8]}" if name_taken else card["name"]
        version = ModelVersion(name=name, card=card, shipped=shipped, **hashes)
    written, damaged = [], []
    try:
        for field, content in contents.items():
            stored = getattr(version, field)
            existing = _stored_content(stored.name) if stored else None
            if existing == content:
                continue
            if existing is not None:
                logger.error("%s of version %s was damaged and is written again", FILES[field], version)
                damaged.append(stored.name)
            stored.save(FILES[field], ContentFile(content), save=False)
            written.append(stored.name)
        version.save()
        transaction.on_commit(partial(delete_files, damaged))
    except BaseException:
        delete_files(written)
        raise
    return version


def _stored_content(name: str) -> bytes | None:
    try:
        with default_storage.open(name) as stored:
            return stored.read()
    except FileNotFoundError:
        return None


def orphaned_version_files(older_than: datetime.timedelta) -> Iterator[str]:
    """Yield the names of stored networks and pictures that no version refers to."""

    def known(names: list[str]) -> set[str]:
        fields = ((field, ModelVersion.objects.filter(**{f"{field}__in": names})) for field in FILES)
        return {name for field, versions in fields for name in versions.values_list(field, flat=True)}

    return unknown_files("versions", known, older_than)


def install_shipped_version(**kwargs: Any) -> None:
    """Install the version the project ships. Promote it, unless a version trained here is current or replaced it."""
    folder = Path(settings.SHIPPED_VERSION)
    # The signal also comes after migrating backwards, when the tables no longer exist.
    tables = connection.introspection.table_names()
    needed = {Promotion._meta.db_table, AuditEntry._meta.db_table}
    if kwargs.get("using", "default") != "default" or not needed <= set(tables):
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
