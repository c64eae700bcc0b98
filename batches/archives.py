"""Check a zip of pictures before anything is stored, and split it into parts that a worker reads in one go."""

import io
import json
import posixpath
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import IO, Any

from django.utils.translation import gettext

from recognizer.api.codes import Code
from recognizer.labels import LABELS, Label, parse_labels
from recognizer.numbers import grouped
from recognizer.reading import MAX_BYTES, pages_of, pixels_in

MAX_IMAGES = 10_000
MAX_ARCHIVE_BYTES = 1024**3
MAX_DIRECTORY_BYTES = 4 * 1024 * 1024
"""Largest size of a zip's directory, which is held in memory. Ten thousand names of a hundred letters take half."""

PART_IMAGES = 64
PART_BYTES = 16 * 1024 * 1024
PART_PIXELS = 25_000_000
"""Largest number of pixels in a part. A worker reads them in seconds, so other batches do not wait longer."""

UTF8_FLAG = 0x800
MAX_NAME_LENGTH = 255
DOCUMENTS = (".pdf", ".tif", ".tiff")
MAX_DOCUMENTS = 200
"""PDF and TIFF files of a batch that may have several pages. Further files of several pages are refused."""

ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst")
ARCHIVE_STARTS = (b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"7z\xbc\xaf\x27\x1c", b"Rar!")
LEFT_BY_SYSTEMS = ("__MACOSX", "Thumbs.db", "desktop.ini")


class BadArchive(Exception):
    """The upload is not an acceptable zip. `code` is for programs, `str()` for people."""

    def __init__(self, code: Code, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True)
class Picture:
    """One picture of a batch. If `code` says why it cannot be read, `content` is empty."""

    number: int
    name: str
    content: bytes
    code: str = ""
    label: Label | None = None


@dataclass(frozen=True)
class Part:
    """Consecutive pictures of a batch as a zip. first: number of the first picture, from 1."""

    first: int
    count: int
    content: bytes


class _BoundedReads:
    """A file that refuses to return a zip directory larger than MAX_DIRECTORY_BYTES while the zip is opened."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.opening = True

    def read(self, size: int = -1) -> bytes:
        if self.opening and size > MAX_DIRECTORY_BYTES:
            raise BadArchive(
                Code.TOO_MANY_IMAGES,
                gettext("The zip lists more than %(number)s files.") % {"number": grouped(MAX_IMAGES)},
            )
        return self.file.read(size)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)


def entries_of(file: IO[bytes]) -> tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]:
    """Open a zip and return its entries in order, without folders and system files. Nothing is unzipped.

    Raises BadArchive with code not_a_zip, too_many_images, encrypted, unsafe_name, duplicate_name, nested_archive,
    unpacks_too_large or empty_archive.
    """
    bounded = _BoundedReads(file)
    try:
        archive = zipfile.ZipFile(bounded)
    # UnicodeDecodeError is a ValueError.
    except (zipfile.BadZipFile, ValueError, OverflowError, NotImplementedError, EOFError) as error:
        raise BadArchive(Code.NOT_A_ZIP, gettext("This is not a complete zip file.")) from error
    bounded.opening = False
    if len(archive.infolist()) > MAX_IMAGES:
        raise BadArchive(
            Code.TOO_MANY_IMAGES, gettext("The zip lists more than %(number)s files.") % {"number": grouped(MAX_IMAGES)}
        )
    names: set[str] = set()
    entries = [entry for entry in archive.infolist() if not entry.filename.endswith("/")]
    for entry in entries:
        check_name(entry.orig_filename)
        entry.filename = name_of(entry)
        check_name(entry.filename)
        if entry.filename in names:
            raise BadArchive(
                Code.DUPLICATE_NAME, gettext("The zip contains %(name)r twice.") % {"name": entry.filename}
            )
        names.add(entry.filename)
        if entry.flag_bits & 1:
            raise BadArchive(Code.ENCRYPTED, gettext("%(name)r is encrypted.") % {"name": entry.filename})
    if sum(entry.file_size for entry in entries) > MAX_ARCHIVE_BYTES:
        raise BadArchive(Code.UNPACKS_TOO_LARGE, gettext("The zip is larger than 1 GB when unzipped. Split it."))
    entries = [entry for entry in entries if not is_left_by_system(entry.filename)]
    if not entries:
        raise BadArchive(Code.EMPTY_ARCHIVE, gettext("The zip contains no pictures."))
    return archive, entries


def name_of(entry: zipfile.ZipInfo) -> str:
    """Return the name of an entry. Names in UTF-8 without the UTF-8 flag are decoded too."""
    if entry.flag_bits & UTF8_FLAG:
        return entry.filename
    try:
        # Without the flag, zipfile decodes bytes as code page 437, which can be reversed without loss.
        return entry.filename.encode("cp437").decode()
    except UnicodeError:
        return entry.filename


def check_name(name: str) -> None:
    """Check that a name is safe as a file name. Raises BadArchive with code unsafe_name or nested_archive."""
    slashed = name.replace("\\", "/")
    if slashed.startswith("/") or slashed[1:2] == ":" or ".." in slashed.split("/"):
        raise BadArchive(Code.UNSAFE_NAME, gettext("%(name)r points outside the zip.") % {"name": name})
    if not name or len(name) > MAX_NAME_LENGTH or not name.isprintable():
        raise BadArchive(Code.UNSAFE_NAME, gettext("%(name)r is not a valid file name.") % {"name": name[:40]})
    if name.lower().endswith(ARCHIVES):
        raise nested(name)


def nested(name: str) -> BadArchive:
    return BadArchive(
        Code.NESTED_ARCHIVE, gettext("%(name)r is an archive. Send its pictures instead.") % {"name": name}
    )


def is_left_by_system(name: str) -> bool:
    return name.startswith("__MACOSX/") or posixpath.basename(name).startswith((".", *LEFT_BY_SYSTEMS))


def parts_of(file: IO[bytes], labelled: bool = False) -> Iterator[Part]:
    """Split a zip into parts, with one part in memory. Raises BadArchive, possibly after some parts.

    labelled: read the labels in `labels.json`, and skip pictures without one.
    """
    archive, entries = entries_of(file)
    with archive:
        pictures: list[Picture] = []
        size = pixels = 0
        labels = labels_of(archive, entries) if labelled else {}
        if labelled:
            entries = [entry for entry in entries if entry.filename in labels]
        files = (replace(unpacked(archive, entry), label=labels.get(entry.filename)) for entry in entries)
        for picture in split_pages(files):
            more_pixels = pixels_in(picture.content)
            if pictures and (
                len(pictures) == PART_IMAGES
                or size + len(picture.content) > PART_BYTES
                or pixels + more_pixels > PART_PIXELS
            ):
                yield pack(pictures)
                pictures, size, pixels = [], 0, 0
            pictures.append(picture)
            size += len(picture.content)
            pixels += more_pixels
        yield pack(pictures)


def labels_of(archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo]) -> dict[str, Label]:
    """Read a zip's `labels.json`. Raises BadArchive with code invalid, also if it names no picture of the zip."""
    named = {entry.filename: entry for entry in entries}
    packed = unpacked(archive, named[LABELS]) if LABELS in named else None
    if packed is None or packed.code:
        words = gettext("The zip contains no %(file)s beside its pictures, or it is too large.")
        raise BadArchive(Code.INVALID, words % {"file": LABELS})
    try:
        labels = parse_labels(packed.content)
    except ValueError as error:
        raise BadArchive(Code.INVALID, f"{error}.") from error
    if not labels.keys() & named.keys():
        raise BadArchive(Code.INVALID, gettext("%(file)s lists none of the pictures in the zip.") % {"file": LABELS})
    return labels


def split_pages(files: Iterable[Picture]) -> Iterator[Picture]:
    """Yield each picture with its number, and a PDF or TIFF of several pages as one for each page.

    Raises BadArchive with code too_many_images.
    """
    number = documents = 0
    for file in files:
        is_document = file.name.lower().endswith(DOCUMENTS) and documents < MAX_DOCUMENTS
        documents += is_document
        pages = pages_of(file.content) if is_document else iter([file.content])
        for page, content in enumerate(pages, start=1):
            number += 1
            if number > MAX_IMAGES:
                raise BadArchive(
                    Code.TOO_MANY_IMAGES,
                    gettext("The batch has more than %(number)s pictures and pages.") % {"number": grouped(MAX_IMAGES)},
                )
            name = file.name if content is file.content else f"{file.name[: MAX_NAME_LENGTH - 12]}, page {page}"
            # A label is for a whole file.
            label = file.label if content is file.content else None
            yield replace(file, number=number, name=name, content=content, label=label)


def unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Picture:
    """Unzip one picture, up to the size limit of pictures; its number is set later.

    Errors of this picture alone go into its `code`. Raises BadArchive if it is an archive under another name.
    """
    if entry.file_size > MAX_BYTES:
        return Picture(0, entry.filename, b"", Code.TOO_LARGE)
    # Other compression methods are rare, have errors of their own, and may need any amount of memory.
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return Picture(0, entry.filename, b"", Code.UNSUPPORTED_TYPE)
    try:
        with archive.open(entry) as packed:
            # Read one byte more than the declared size: read() without a size would unzip everything at once.
            content = packed.read(entry.file_size + 1)
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, OverflowError, RuntimeError):
        return Picture(0, entry.filename, b"", Code.DAMAGED)
    if content.startswith(ARCHIVE_STARTS):
        raise nested(entry.filename)
    return Picture(0, entry.filename, content)


def pack(pictures: Iterable[Picture]) -> Part:
    """Write consecutive pictures into a zip. A picture's `code`, or its label, becomes its entry's comment."""
    out = io.BytesIO()
    numbers = []
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for picture in pictures:
            entry = zipfile.ZipInfo(picture.name)
            label = json.dumps(picture.label.as_json()) if picture.label is not None else ""
            entry.comment = (picture.code or label).encode()
            archive.writestr(entry, picture.content)
            numbers.append(picture.number)
    return Part(numbers[0], len(numbers), out.getvalue())


def pictures_in(part: bytes, first: int) -> Iterator[Picture]:
    """Yield the pictures of a part written by `pack`."""
    with zipfile.ZipFile(io.BytesIO(part)) as archive:
        for number, entry in enumerate(archive.infolist(), start=first):
            comment, content = entry.comment.decode(), archive.read(entry)
            if comment.startswith("{"):
                yield Picture(number, entry.filename, content, label=Label.from_json(json.loads(comment)))
            else:
                yield Picture(number, entry.filename, content, comment)
