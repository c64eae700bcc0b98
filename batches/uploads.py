"""Receive a batch upload: write it to a temporary file as it arrives, whatever its size."""

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
from django.utils.translation import gettext

from core.fair_semaphore import at_work
from recognizer.api.codes import Code
from recognizer.numbers import grouped

from .archives import MAX_ARCHIVE_BYTES, MAX_IMAGES, BadArchive

MAX_REQUEST_BYTES = MAX_ARCHIVE_BYTES + 8 * 1024 * 1024
"""Largest request, in bytes: the pictures, and multipart headers of ten thousand of them."""

MAX_CONCURRENCY = 2
"""Simultaneous batch uploads of one process; each uses a thread, but not the semaphore of those at work."""

MIN_RATE = 64 * 1024
"""Lowest average rate of an upload, in bytes per second, after the first minute."""


class BrokenOff(Exception):
    """The upload ended early, or was too slow."""


class NoRoom(Exception):
    """Too many batches are being uploaded."""


class Spool(FileUploadHandler):
    """One zip in a temporary file: the uploaded `archive`, or one made of the uploaded `images`."""

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
            raise BadArchive(Code.UNKNOWN_FIELD, gettext("Unknown field %(name)r.") % {"name": field_name[:40]})
        if self.kind and (field_name != self.kind or field_name == "archive"):
            raise BadArchive(Code.UNKNOWN_FIELD, gettext("Send one archive, or any number of images."))
        self.kind = field_name
        if field_name == "archive":
            self.name = file_name
            return
        if file_name in self.names:
            raise BadArchive(Code.DUPLICATE_NAME, gettext("%(name)r was sent twice.") % {"name": file_name})
        self.names.add(file_name)
        if self.packed is None:
            self.packed = zipfile.ZipFile(self.file, "w", zipfile.ZIP_STORED)
        self.entry = self.packed.open(zipfile.ZipInfo(file_name), "w", force_zip64=True)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.size += len(raw_data)
        if self.size > MAX_ARCHIVE_BYTES:
            raise BadArchive(Code.TOO_LARGE, gettext("The batch is larger than 1 GB. Split it."))
        if self.size < MIN_RATE * (time.monotonic() - self.began - 60):
            raise BrokenOff(gettext("The upload was too slow."))
        (self.entry or self.file).write(raw_data)

    def file_complete(self, file_size: int) -> None:
        if self.entry is not None:
            self.entry.close()
            self.entry = None

    def upload_interrupted(self) -> None:
        raise BrokenOff(gettext("The upload was cut off."))

    def finish(self) -> None:
        """Complete the zip. Raises BadArchive with code missing_image if no file was sent."""
        if not self.kind:
            raise BadArchive(
                Code.MISSING_IMAGE, gettext('Send a zip in the field "archive", or files in the field "images".')
            )
        if self.packed is not None:
            self.packed.close()
        self.file.seek(0)

    def close(self) -> None:
        # ZipFile cannot be closed while an entry is open.
        if self.entry is not None:
            self.entry.close()
            self.entry = None
        if self.packed is not None:
            self.packed.close()
        self.file.close()


class _Counted:
    """A request's body that counts the bytes read."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.total = 0

    def read(self, size: int) -> bytes:
        piece = self.request.read(size)
        self.total += len(piece)
        return piece


_room = threading.BoundedSemaphore(MAX_CONCURRENCY)


@contextmanager
def spooled(request: HttpRequest) -> Iterator[Spool]:
    """Write a request's body to disk for the duration of the context.

    Raises NoRoom at once if too many uploads are running, BadArchive, BrokenOff, and OSError if the disk is full.
    """
    if not _room.acquire(blocking=False):
        raise NoRoom()
    with at_work.pause():
        try:
            with closing(Spool()) as spool:
                _receive(request, spool)
                spool.finish()
                yield spool
        finally:
            _room.release()


def _receive(request: HttpRequest, spool: Spool) -> None:
    body = _Counted(request)
    try:
        # The parser uses nothing else of a request.
        fields, _ = MultiPartParser(request.META, body, [spool], "utf-8").parse()  # type: ignore[arg-type]
    except TooManyFilesSent as error:
        raise BadArchive(
            Code.TOO_MANY_IMAGES, gettext("A batch has at most %(number)s images.") % {"number": grouped(MAX_IMAGES)}
        ) from error
    except MultiPartParserError as error:
        raise BadArchive(Code.PARSE_ERROR, gettext("The form is malformed.")) from error
    except UnreadablePostError as error:
        raise BrokenOff(gettext("The upload was cut off.")) from error
    # To the parser, a body that ends early looks as if its last file ended there.
    if body.total < int(request.META.get("CONTENT_LENGTH") or 0):
        raise BrokenOff(gettext("The upload was cut off."))
    spool.fields = {name: str(fields[name]) for name in fields}
