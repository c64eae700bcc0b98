"""A zip of pictures, looked through before anything is kept, and cut into parts that a worker reads in one go."""

import io
import posixpath
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any

from recognizer.reading import MAX_BYTES

MOST_IMAGES = 10_000
MOST_BYTES = 1024**3
MOST_DIRECTORY = 4 * 1024 * 1024
"""Bytes of the list of names in a zip, which is held in memory. Ten thousand names of a hundred letters have half."""

PART_IMAGES = 64
PART_BYTES = 16 * 1024 * 1024

LONGEST_NAME = 255
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst")
ARCHIVE_STARTS = (b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"7z\xbc\xaf\x27\x1c", b"Rar!")
LEFT_BY_SYSTEMS = ("__MACOSX", "Thumbs.db", "desktop.ini")


class BadArchive(Exception):
    """What was sent is no zip that is read. `code` is for programs, `str()` for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True)
class Picture:
    """One picture of a batch; where `code` says why it cannot be read, there are no bytes."""

    number: int
    name: str
    content: bytes
    code: str = ""


@dataclass(frozen=True)
class Part:
    """Some pictures that follow each other, as a zip of its own. first: the number of the first one, from 1."""

    first: int
    count: int
    content: bytes


class _Frugal:
    """A file that refuses, while a zip is opened, to give a longer list of names than may be."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.opening = True

    def read(self, size: int = -1) -> bytes:
        if self.opening and size > MOST_DIRECTORY:
            raise BadArchive("too_many_images", f"The zip lists more than {MOST_IMAGES:,} files.")
        return self.file.read(size)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)


def entries_of(file: IO[bytes]) -> tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]:
    """Open a zip and return what it lists, in its order, without folders and what systems leave behind.

    Raises BadArchive with code not_a_zip, too_many_images, encrypted, unsafe_name, duplicate_name, nested_archive,
    unpacks_too_large or empty_archive. Nothing is unpacked for it.
    """
    frugal = _Frugal(file)
    try:
        archive = zipfile.ZipFile(frugal)
    # UnicodeDecodeError is a ValueError.
    except (zipfile.BadZipFile, ValueError, OverflowError, NotImplementedError, EOFError) as error:
        raise BadArchive("not_a_zip", "This is not a whole zip file.") from error
    frugal.opening = False
    if len(archive.infolist()) > MOST_IMAGES:
        raise BadArchive("too_many_images", f"The zip lists more than {MOST_IMAGES:,} files.")
    names: set[str] = set()
    entries = [entry for entry in archive.infolist() if not entry.filename.endswith("/")]
    for entry in entries:
        check_name(entry.orig_filename)
        if entry.filename in names:
            raise BadArchive("duplicate_name", f"The zip holds {entry.filename!r} twice.")
        names.add(entry.filename)
        if entry.flag_bits & 1:
            raise BadArchive("encrypted", f"{entry.filename!r} is encrypted.")
    if sum(entry.file_size for entry in entries) > MOST_BYTES:
        raise BadArchive("unpacks_too_large", "The zip unpacks to more than 1 GB.")
    entries = [entry for entry in entries if not is_left_by_system(entry.filename)]
    if not entries:
        raise BadArchive("empty_archive", "The zip holds no picture.")
    return archive, entries


def check_name(name: str) -> None:
    """Hold a name to what a file in a folder may be called. Raises BadArchive unsafe_name or nested_archive."""
    slashed = name.replace("\\", "/")
    if slashed.startswith("/") or slashed[1:2] == ":" or ".." in slashed.split("/"):
        raise BadArchive("unsafe_name", f"{name!r} points out of the zip.")
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise BadArchive("unsafe_name", f"{name[:40]!r} is no name for a file.")
    if name.lower().endswith(ARCHIVES):
        raise nested(name)


def nested(name: str) -> BadArchive:
    return BadArchive("nested_archive", f"{name!r} is an archive itself. Send its pictures.")


def is_left_by_system(name: str) -> bool:
    return name.startswith("__MACOSX/") or posixpath.basename(name).startswith((".", *LEFT_BY_SYSTEMS))


def parts_of(file: IO[bytes]) -> Iterator[Part]:
    """Cut a zip into parts, holding one part in memory. Raises BadArchive, some parts perhaps having been yielded."""
    archive, entries = entries_of(file)
    with archive:
        pictures: list[Picture] = []
        size = 0
        for number, entry in enumerate(entries, start=1):
            picture = unpacked(archive, entry, number)
            if pictures and (len(pictures) == PART_IMAGES or size + len(picture.content) > PART_BYTES):
                yield pack(pictures)
                pictures, size = [], 0
            pictures.append(picture)
            size += len(picture.content)
        yield pack(pictures)


def unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, number: int) -> Picture:
    """Unpack one picture, never more than a picture may have. What is wrong with it alone is told in its code.

    Raises BadArchive where it is an archive under another name.
    """
    if entry.file_size > MAX_BYTES:
        return Picture(number, entry.filename, b"", "too_large")
    # What else zips know is rare, fails in ways of its own, and may ask for memory at will.
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return Picture(number, entry.filename, b"", "unsupported_type")
    try:
        with archive.open(entry) as packed:
            # No more than it claims to be: without a size, all that is there would be unpacked at once.
            content = packed.read(entry.file_size + 1)
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, NotImplementedError, OverflowError, RuntimeError):
        return Picture(number, entry.filename, b"", "damaged")
    if content.startswith(ARCHIVE_STARTS):
        raise nested(entry.filename)
    return Picture(number, entry.filename, content)


def pack(pictures: Iterable[Picture]) -> Part:
    """Write pictures that follow each other into a zip; a picture's code becomes its entry's comment."""
    out = io.BytesIO()
    numbers = []
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for picture in pictures:
            entry = zipfile.ZipInfo(picture.name)
            entry.comment = picture.code.encode()
            archive.writestr(entry, picture.content)
            numbers.append(picture.number)
    return Part(numbers[0], len(numbers), out.getvalue())


def pictures_in(part: bytes, first: int) -> Iterator[Picture]:
    """Yield the pictures of a part that `pack` wrote."""
    with zipfile.ZipFile(io.BytesIO(part)) as archive:
        for number, entry in enumerate(archive.infolist(), start=first):
            yield Picture(number, entry.filename, archive.read(entry), entry.comment.decode())
