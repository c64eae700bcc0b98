"""Zips are checked before anything is stored, and refused with a code."""

import io
import tracemalloc
import zipfile

import pytest
from django.conf import settings
from PIL import Image

from batches import archives
from batches.archives import BadArchive, Picture, entries_of, parts_of, pictures_in
from recognizer.reading import MAX_BYTES, pixels_in

from .zips import bomb, claiming, crowd, encrypted, renamed, unflagged, zip_of


def refusal(content: bytes) -> str:
    with pytest.raises(BadArchive) as refused:
        list(parts_of(io.BytesIO(content)))
    assert str(refused.value).endswith(".")
    return refused.value.code


def pictures_of(content: bytes) -> list[Picture]:
    return [p for part in parts_of(io.BytesIO(content)) for p in pictures_in(part.content, part.first)]


def test_zip_entries_keep_their_order() -> None:
    names = [f"{number}.png" for number in (3, 1, 2)]
    pictures = pictures_of(zip_of({name: name.encode() for name in names}))
    assert [(p.number, p.name, p.content) for p in pictures] == [
        (number, name, name.encode()) for number, name in enumerate(names, start=1)
    ]


def test_parts_are_limited_in_pictures_and_bytes() -> None:
    parts = list(parts_of(io.BytesIO(zip_of({f"{number}.png": b"x" for number in range(150)}))))
    assert [(part.first, part.count) for part in parts] == [(1, 64), (65, 64), (129, 22)]
    heavy = {f"{number}.png": bytes(6 * 1024 * 1024) for number in range(5)}
    for compression in (zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED):
        assert [part.count for part in parts_of(io.BytesIO(zip_of(heavy, compression)))] == [2, 2, 1]


def scan(kind: str) -> bytes:
    out, page = io.BytesIO(), Image.new("L", (40, 40), 255)
    page.save(out, kind, save_all=True, append_images=[page])
    return out.getvalue()


@pytest.mark.parametrize("kind", ["PDF", "TIFF"])
def test_each_page_of_a_document_is_a_picture(kind: str) -> None:
    name = f"scan.{kind.lower()}"
    pictures = pictures_of(zip_of({"1.png": b"1", name: scan(kind), "2.png": b"2"}))
    names = ["1.png", f"{name}, page 1", f"{name}, page 2", "2.png"]
    assert [(p.number, p.name) for p in pictures] == list(enumerate(names, start=1))
    assert [p for p in pictures[1:3] if not pixels_in(p.content)] == []


def test_documents_beyond_the_limit_are_not_split(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_DOCUMENTS", 1)
    names = [p.name for p in pictures_of(zip_of({f"{number}.tif": scan("TIFF") for number in (1, 2)}))]
    assert names == ["1.tif, page 1", "1.tif, page 2", "2.tif"]


def test_more_pages_than_a_batch_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_IMAGES", 3)
    assert refusal(zip_of({f"{number}.tif": scan("TIFF") for number in (1, 2)})) == "too_many_images"


def test_folders_and_system_files_in_a_zip_are_skipped() -> None:
    files = {"a/": b"", "a/1.png": b"1", "__MACOSX/a/._1.png": b"x", "a/.DS_Store": b"x", "Thumbs.db": b"x"}
    assert [p.name for p in pictures_of(zip_of(files))] == ["a/1.png"]


@pytest.mark.parametrize("name", ["größe.png", "数字/七.png", "plain.png"])
def test_names_in_utf8_without_its_flag_are_kept(name: str) -> None:
    (kept,) = pictures_of(unflagged(zip_of({name: b"1"})))
    assert (kept.name, kept.content, kept.code) == (name, b"1", "")


def test_zip_names_in_other_code_pages_are_accepted() -> None:
    (kept,) = pictures_of(renamed(unflagged(zip_of({"gr\u00f6.png": b"1"})), "gr\u00f6".encode(), b"gr\x94x"))
    assert kept.name == "gröx.png"


def test_a_name_that_is_unsafe_in_utf8_is_refused() -> None:
    assert refusal(unflagged(zip_of({"a\u202eb.png": b"1"}))) == "unsafe_name"


def test_too_large_or_damaged_picture_fails_alone() -> None:
    content = zip_of({"1.png": b"one" * 50, "2.png": b"two", "3.png": bytes(MAX_BYTES + 1)}, zipfile.ZIP_STORED)
    pictures = pictures_of(renamed(content, b"oneone" * 25, b"onetwo" * 25))
    assert [(p.code, p.content) for p in pictures] == [("damaged", b""), ("", b"two"), ("too_large", b"")]


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_unusual_compression_fails_only_its_picture(compression: int) -> None:
    content = zip_of({"1.png": b"one" * 50}, compression)
    assert [picture.code for picture in pictures_of(content)] == ["unsupported_type"]


@pytest.mark.parametrize("content", [b"", b"PK", b"no zip", b"PK\x05\x06" + b"\xff" * 18, zip_of({"a": b"a"})[:-30]])
def test_file_that_is_not_a_zip_is_refused(content: bytes) -> None:
    assert refusal(content) == "not_a_zip"


def test_a_zip_without_a_picture_is_refused() -> None:
    assert refusal(zip_of({})) == refusal(zip_of({"a/": b""})) == "empty_archive"


def test_zip_bomb_is_refused_before_unpacking() -> None:
    content = bomb(1025)
    assert len(content) < 100_000
    assert refusal(content) == "unpacks_too_large"


def test_bomb_unpacks_to_no_more_than_its_declared_size() -> None:
    content = claiming(zip_of({"1.png": bytes(100 * 1024 * 1024)}), 1000)
    tracemalloc.start()
    (picture,) = pictures_of(content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert picture.code == "damaged"
    assert peak < 1024 * 1024


def test_entries_sharing_bytes_give_at_most_one_picture() -> None:
    assert [picture.code for picture in pictures_of(bomb(10))].count("damaged") >= 9


@pytest.mark.parametrize("name", ["inner.zip", "a/inner.TAR", "inner.tar.gz", "inner.7z", "inner.rar"])
def test_an_archive_in_an_archive_is_refused(name: str) -> None:
    assert refusal(zip_of({"1.png": b"1", name: b"whatever"})) == "nested_archive"


@pytest.mark.parametrize("content", [zip_of({"1.png": b"1"}), b"\x1f\x8b\x08 gzip", b"Rar!\x1a\x07"])
def test_archive_named_as_a_picture_is_refused(content: bytes) -> None:
    assert refusal(zip_of({"1.png": content})) == "nested_archive"


@pytest.mark.parametrize(
    "name",
    ["/etc/passwd", "../1.png", "a/../../1.png", "..\\1.png", "C:\\1.png", "\\\\host\\1.png", "a\n.png", "x" * 256],
)
def test_zip_entry_outside_the_archive_is_refused(name: str) -> None:
    assert refusal(zip_of({"ok.png": b"1", name: b"2"})) == "unsafe_name"


def test_empty_entry_name_is_refused() -> None:
    one = zip_of({"0000000": b"one"}, zipfile.ZIP_STORED)
    assert refusal(renamed(one, b"0000000", b"\0" * 7)) == "unsafe_name"


def test_entry_name_with_a_null_is_refused() -> None:
    assert refusal(renamed(zip_of({"1.pngX.sh": b"1"}), b"1.pngX.sh", b"1.png\0.sh")) == "unsafe_name"


def test_duplicate_name_in_a_batch_is_refused() -> None:
    assert refusal(renamed(zip_of({"1.png": b"1", "2.png": b"2"}), b"2.png", b"1.png")) == "duplicate_name"


def test_encrypted_pictures_are_refused() -> None:
    assert refusal(encrypted(zip_of({"1.png": b"1"}))) == "encrypted"


def test_more_pictures_than_a_batch_has_are_refused() -> None:
    assert refusal(crowd(archives.MAX_IMAGES + 1)) == "too_many_images"
    assert len(entries_of(io.BytesIO(crowd(archives.MAX_IMAGES)))[1]) == archives.MAX_IMAGES


def test_zip_of_a_million_files_is_refused_unread() -> None:
    content = crowd(1_000_000)
    tracemalloc.start()
    assert refusal(content) == "too_many_images"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5 * 1024 * 1024


def test_form_parser_accepts_all_files_of_a_batch() -> None:
    assert settings.DATA_UPLOAD_MAX_NUMBER_FILES == archives.MAX_IMAGES


def test_large_pictures_make_small_parts(monkeypatch: pytest.MonkeyPatch, picture: bytes) -> None:
    monkeypatch.setattr(archives, "PART_PIXELS", 3 * 120 * 60)
    parts = list(parts_of(io.BytesIO(zip_of({f"{number}.png": picture for number in range(8)}))))
    assert [(part.first, part.count) for part in parts] == [(1, 3), (4, 3), (7, 2)]
