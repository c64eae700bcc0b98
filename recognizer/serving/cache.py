"""This process's cached reader for the current version of the network."""

import contextlib
import logging
import threading
import time
from dataclasses import dataclass
from functools import lru_cache

from django.utils import translation

from core.polling import Poller
from recognizer import events
from recognizer.exceptions import NoServingVersion
from recognizer.metrics import SERVING
from recognizer.models import ModelVersion
from recognizer.serving.loading import ServingReader, load_version

logger = logging.getLogger(__name__)

POLL_INTERVAL = 1.0
"""Seconds between two checks for a newer promotion."""

MIN_RETRY, MAX_RETRY = 1.0, 60.0
"""Seconds until a version that could not be loaded is retried. The delay doubles from the first to the second."""


@dataclass(frozen=True)
class _Failure:
    """A version that could not be loaded. It is retried at `retry_at`, or once its files change."""

    files: tuple[int, str, str]
    error: str
    delay: float
    retry_at: float


class _Cache:
    """One reader for each process. While one thread loads a newer version, the others use the loaded one."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.current: ServingReader | None = None
        self.looked_at = -POLL_INTERVAL
        self.trouble = ""
        self.failure: _Failure | None = None

    def get(self) -> ServingReader:
        current = self.current
        if current is not None and time.monotonic() - self.looked_at < POLL_INTERVAL:
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
        """Load the current version. Requests during the load use the reader that is loaded already."""
        with self.lock:
            self.refresh()

    def refresh(self) -> None:
        version = ModelVersion.objects.serving()
        if version is not None:
            # The message goes into the log, so it is in English in any request.
            with translation.override(None):
                self.trouble = self._follow(version)
        self.looked_at = time.monotonic()

    def _follow(self, version: ModelVersion) -> str:
        """Use a version, or the latest before it that can be loaded. Returns the error message, "" if none."""
        if self.current is not None and version.pk == self.current.version.pk:
            return ""
        files = (version.pk, str(version.litert_file), str(version.keras_file))
        failure = self.failure if self.failure is not None and self.failure.files == files else None
        now = time.monotonic()
        if failure is not None and now < failure.retry_at:
            if self.current is None:
                raise NoServingVersion(failure.error)
            return self.trouble
        try:
            self._serve(load_version(version))
        except NoServingVersion as error:
            delay = MIN_RETRY if failure is None else min(2 * failure.delay, MAX_RETRY)
            self.failure = _Failure(files, str(error), delay, now + delay)
            return self._without(error)
        self.failure = None
        return ""

    def _without(self, error: NoServingVersion) -> str:
        """Use the latest version that can be loaded, and log a new error once. Raises the error if there is none."""
        before = self.trouble
        self.trouble = str(error)
        try:
            if self.current is None:
                self._serve(_last_that_loads(error))
            self.trouble += f"; {self.current.version} is used instead"  # type: ignore[union-attr]
        finally:
            if self.trouble != before:
                logger.error(self.trouble)
        return self.trouble

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
    """Return this process's reader for the current version; load it if needed.

    Raises NoServingVersion if no version is installed or none can be loaded.
    """
    return _cache.get()


MAX_PINNED = 2
"""Readers of other versions that a process caches, for calls that name a version."""


def reader_for(version: ModelVersion | None) -> ServingReader:
    """Return this process's reader for a version; load it if needed. None means the current version.

    Raises NoServingVersion if it cannot be loaded.
    """
    if version is None:
        return serving_reader()
    current = _cache.current
    return current if current is not None and current.version.pk == version.pk else _pinned(version.pk)


@lru_cache(maxsize=MAX_PINNED)
def _pinned(pk: int) -> ServingReader:
    return load_version(ModelVersion.objects.get(pk=pk))


def serving_now() -> str | None:
    """Return the name of the version this process has loaded, or None. Loads nothing."""
    return str(_cache.current.version) if _cache.current else None


def serving_trouble() -> str:
    """Return why this process does not use the promoted version; "" if it does."""
    return _cache.trouble


def watch_promotions() -> None:
    """Check for promotions in the background, so that a new version is loaded before the next request."""
    poller = Poller("promotions", _look, POLL_INTERVAL / 2)
    poller.start()
    threading.Thread(target=_listen, args=[poller], name="news of promotions", daemon=True).start()


def _listen(poller: Poller) -> None:
    for _ in events.listen():
        poller.wake()


def _look() -> None:
    # /readyz reports it if no version can be loaded.
    with contextlib.suppress(NoServingVersion):
        _cache.look()
