"""Load a version's network from storage as a reader, after checking its hash."""

import hashlib
import logging
from collections.abc import Callable

from django.conf import settings
from django.core.files.storage import default_storage
from django.utils.translation import gettext

from recognizer.admission import ignore
from recognizer.exceptions import NoServingVersion
from recognizer.models import ModelVersion
from recognizer.reading import Reader, Reading, load_classifier

logger = logging.getLogger(__name__)


class ServingReader:
    """A version with its loaded reader."""

    def __init__(self, version: ModelVersion, reader: Reader) -> None:
        self.version = version
        self.reader = reader

    def read(self, data: bytes, found: Callable[[int], None] = ignore) -> Reading:
        return self.reader.read(data, found)


def load_version(version: ModelVersion) -> ServingReader:
    """Load a version's network for the configured runtime, after checking its SHA-256.

    Raises NoServingVersion if the file is missing, damaged or not a network.
    """
    content = read_verified(version, settings.RECOGNIZER_RUNTIME)
    try:
        return ServingReader(version, Reader(load_classifier(content, settings.RECOGNIZER_RUNTIME)))
    except ValueError as error:
        raise NoServingVersion(gettext("version %(version)s cannot be loaded") % {"version": version}) from error


def read_verified(version: ModelVersion, runtime: str) -> bytes:
    """Return the content of a version's file for a runtime. Only files that this site wrote are ever loaded.

    Raises NoServingVersion if the file is missing or its SHA-256 is not the recorded one.
    """
    keras = runtime == "keras"
    file = version.keras_file if keras else version.litert_file
    recorded = version.keras_sha256 if keras else version.litert_sha256
    try:
        with default_storage.open(str(file)) as stored:
            content = stored.read()
    except OSError as error:
        raise NoServingVersion(gettext("the file of version %(version)s is missing") % {"version": version}) from error
    if hashlib.sha256(content).hexdigest() != recorded:
        words = gettext("the file of version %(version)s does not match its SHA-256")
        raise NoServingVersion(words % {"version": version})
    return content
