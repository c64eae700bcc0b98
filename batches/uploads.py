"""A batch as it comes in: written to a file on the disk piece by piece, whatever its size."""

import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import IO, Any

from django.core.exceptions import TooManyFilesSent
from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest, UnreadablePostError
from django.http.multipartparser import MultiPartParser, MultiPartParserError

from .archives import MOST_BYTES, MOST_IMAGES, BadArchive

MOST_SENT = MOST_BYTES + 8 * 1024 * 1024
"""Bytes of a whole request: its pictures, and what surrounds ten thousand of them."""

FIELDS = {"model_version", "webhook"}
"""What a form may say beside its files."""

AT_ONCE = 2
"""Batches that one process takes in at the same time; each holds a thread."""

PATIENCE = 20.0
"""Seconds to wait for the next bytes."""

SLOWEST = 64 * 1024
"""Bytes a second that a sender must come to, once a minute has passed."""


class BrokenOff(Exception):
    """The sender stopped before the end, or sent too slowly."""


class NoRoom(Exception):
    """As many batches are coming in as there may."""


class Spool(FileUploadHandler):
    """One zip on the disk: the one that came as `archive`, or one made of all that came as `images`."""

    def __init__(self) -> None:
        super().__init__()
        self.file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # closed by whoever takes it
        self.kind = ""
        self.name = ""
        self.names: set[str] = set()
        self.fields: dict[str, str] = {}
        self.size = 0
        self.began = time.monotonic()
        self.packed: zipfile.ZipFile | None = None
        self.entry: IO[bytes] | None = None

    def new_file(self, field_name: str, file_name: str, *args: Any, **kwargs: Any) -> None:
        super().new_file(field_name, file_name, *args, **kwargs)
        if field_name not in ("archive", "images"):
            raise BadArchive("unknown_field", f"There is no field {field_name[:40]!r} here.")
        if self.kind and (field_name != self.kind or field_name == "archive"):
            raise BadArchive("unknown_field", "Send one archive, or any number of images.")
        self.kind = field_name
        if field_name == "archive":
            self.name = file_name
            return
        if file_name in self.names:
            raise BadArchive("duplicate_name", f"{file_name!r} was sent twice.")
        self.names.add(file_name)
        if self.packed is None:
            self.packed = zipfile.ZipFile(self.file, "w", zipfile.ZIP_STORED)
        self.entry = self.packed.open(zipfile.ZipInfo(file_name), "w", force_zip64=True)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.size += len(raw_data)
        if self.size > MOST_BYTES:
            raise BadArchive("too_large", "The batch is larger than 1 GB. Send it in several.")
        if self.size < SLOWEST * (time.monotonic() - self.began - 60):
            raise BrokenOff("The batch came too slowly.")
        (self.entry or self.file).write(raw_data)

    def file_complete(self, file_size: int) -> None:
        if self.entry is not None:
            self.entry.close()
            self.entry = None

    def upload_interrupted(self) -> None:
        raise BrokenOff("The batch broke off.")

    def finish(self) -> None:
        """Complete the zip. Raises BadArchive with code missing_image where nothing came."""
        if not self.kind:
            raise BadArchive("missing_image", 'Send a zip in the field "archive", or files in the field "images".')
        if self.packed is not None:
            self.packed.close()
        self.file.seek(0)

    def close(self) -> None:
        # An entry left open would make a zip's end out of half of it, and complain.
        if self.entry is not None:
            self.entry.close()
            self.entry = None
        if self.packed is not None:
            self.packed.close()
        self.file.close()


class _Counted:
    """A request's body that counts what was read of it."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.total = 0

    def read(self, size: int) -> bytes:
        piece = self.request.read(size)
        self.total += len(piece)
        return piece


_room = threading.BoundedSemaphore(AT_ONCE)


@contextmanager
def spooled(request: HttpRequest) -> Iterator[Spool]:
    """Write a request's body to the disk, for as long as the context lasts.

    Raises NoRoom at once where too many do so, BadArchive, BrokenOff, and OSError where the disk is full.
    """
    if not _room.acquire(blocking=False):
        raise NoRoom()
    try:
        with closing(Spool()) as spool:
            with _patience(request):
                _receive(request, spool)
            spool.finish()
            yield spool
    finally:
        _room.release()


def _receive(request: HttpRequest, spool: Spool) -> None:
    body = _Counted(request)
    try:
        # It reads of a body and nothing else.
        fields, _ = MultiPartParser(request.META, body, [spool], "utf-8").parse()  # type: ignore[arg-type]
    except TooManyFilesSent as error:
        raise BadArchive("too_many_images", f"A batch has at most {MOST_IMAGES:,} images.") from error
    except MultiPartParserError as error:
        raise BadArchive("parse_error", "The form is malformed.") from error
    except UnreadablePostError as error:
        raise BrokenOff("The batch broke off.") from error
    # A body that ends early looks to the parser as if its last file ended there.
    if body.total < int(request.META.get("CONTENT_LENGTH") or 0):
        raise BrokenOff("The batch broke off.")
    spool.fields = {name: str(fields[name]) for name in fields}
    if unknown := set(spool.fields) - FIELDS:
        raise BadArchive("unknown_field", f"There is no field {min(unknown)[:40]!r} here.")


@contextmanager
def _patience(request: HttpRequest) -> Iterator[None]:
    """Give up a sender that falls silent, where the server lets its socket be seen."""
    connection = request.META.get("gunicorn.socket")
    if connection is None:
        yield
        return
    before = connection.gettimeout()
    connection.settimeout(PATIENCE)
    try:
        yield
    finally:
        connection.settimeout(before)
