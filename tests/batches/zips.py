"""Zips made in memory, valid and hostile."""

import io
import struct
import zipfile
from collections.abc import Mapping


def zip_of(files: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, compression)
    return out.getvalue()


def encrypted(content: bytes) -> bytes:
    """Set the flag of encryption in every header of a zip."""
    altered = bytearray(content)
    for start, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = altered.find(start)
        while place >= 0:
            altered[place + flags] |= 1
            place = altered.find(start, place + 4)
    return bytes(altered)


def unflagged(content: bytes) -> bytes:
    """Clear the UTF-8 flag in every header of a zip."""
    altered = bytearray(content)
    for start, flags in ((b"PK\x03\x04", 7), (b"PK\x01\x02", 9)):
        place = altered.find(start)
        while place >= 0:
            altered[place + flags] &= 0xF7
            place = altered.find(start, place + 4)
    return bytes(altered)


def renamed(content: bytes, name: bytes, other: bytes) -> bytes:
    """Rename an entry to a name of the same length that libraries would not write."""
    assert len(name) == len(other)
    return content.replace(name, other)


def claiming(content: bytes, size: int) -> bytes:
    """Change the unpacked size of the first directory entry."""
    place = content.index(b"PK\x01\x02")
    return content[: place + 24] + struct.pack("<I", size) + content[place + 28 :]


def bomb(copies: int) -> bytes:
    """List one megabyte of nothing, packed to a kilobyte, again and again: all entries share the same bytes."""
    one = zip_of({"0000000": bytes(1024 * 1024)})
    start, end = one.index(b"PK\x01\x02"), one.index(b"PK\x05\x06")
    listed = b"".join(renamed(one[start:end], b"0000000", b"%07d" % number) for number in range(copies))
    return one[:start] + listed + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, copies, copies, len(listed), start, 0)


def crowd(count: int) -> bytes:
    """List very many empty files without writing them."""
    one = zip_of({"0000000": b""}, zipfile.ZIP_STORED)
    start, end = one.index(b"PK\x01\x02"), one.index(b"PK\x05\x06")
    listed = b"".join(renamed(one[start:end], b"0000000", b"%07d" % number) for number in range(count))
    # One more than the field can count: the directory's size counts, not its number of files.
    told = min(count, 0xFFFE)
    return one[:start] + listed + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, told, told, len(listed), start, 0)
