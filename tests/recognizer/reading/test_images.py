import io
import struct
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from recognizer.reading import (
    MAX_BYTES,
    UnreadableImage,
    encode_page,
    frames_strip,
    images,
    isolated,
    open_image,
    open_strip,
    pages_of,
    pixels_in,
)
from tests.factories import encoded

from .pages import drawn

HEIC = (Path(__file__).parents[2] / "seven.heic").read_bytes()
STROKE = drawn([[(40, 40), (40, 160)]])


def refusal(data: bytes) -> str:
    with pytest.raises(UnreadableImage) as refused:
        open_image(data)
    assert str(refused.value).endswith(".")
    return refused.value.code


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds no pixels."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))
    return start + struct.pack(">I", 10) + b"IDAT"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"])
def test_each_format_decodes_to_the_same_page(kind: str) -> None:
    page = open_image(encoded(STROKE, kind))
    assert page.dtype == np.uint8
    assert np.abs(page.astype(int) - STROKE).mean() < 3


def test_heic_is_decoded() -> None:
    page = open_image(HEIC)
    assert page.shape == (200, 200)
    assert (page[30, 100] < 50, page[100, 30] > 200) == (True, True)


def test_a_page_of_a_pdf_is_drawn_at_200_dpi() -> None:
    page = open_image(encoded(STROKE, "PDF", resolution=100))
    assert page.shape == tuple(2 * side for side in STROKE.shape)
    assert np.abs(page[::2, ::2].astype(int) - STROKE).mean() < 6


def test_a_large_page_of_a_pdf_is_drawn_with_fewer_pixels() -> None:
    page = open_image(encoded(STROKE, "PDF", resolution=1))
    assert 3_900_000 < page.size <= 4_000_000


def moving(kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    pages = [Image.fromarray(page) for page in (STROKE, 255 - STROKE, STROKE.T)]
    pages[0].save(out, kind, save_all=True, append_images=pages[1:], **options)
    return out.getvalue()


def test_the_first_frame_of_a_gif_is_opened() -> None:
    assert np.array_equal(open_image(moving("GIF")), STROKE)


@pytest.mark.parametrize("kind", ["TIFF", "PDF"])
def test_file_of_several_pages_is_refused_and_split_in_batches(kind: str) -> None:
    document = moving(kind)
    assert refusal(document) == "several_pages"
    pages = [open_image(page) for page in pages_of(document)]
    assert len(pages) == 3
    assert [bool(page.mean() > 127) for page in pages] == [True, False, True]


def test_thumbnail_in_a_tiff_is_not_a_page() -> None:
    out = io.BytesIO()
    small = Image.fromarray(STROKE).resize((20, 20))
    small.encoderinfo = {"tiffinfo": {254: 1}}
    Image.fromarray(STROKE).save(out, "TIFF", save_all=True, append_images=[small])
    assert open_image(out.getvalue()).shape == STROKE.shape


@pytest.mark.parametrize("data", [b"", b"%PDF-1.4", b"II*\0", encoded(STROKE), encoded(STROKE, "TIFF")])
def test_file_without_pages_is_unchanged(data: bytes) -> None:
    assert list(pages_of(data)) == [data]


def test_hanging_decoder_is_killed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hangs = tmp_path / "hangs.py"
    hangs.write_text("import time; time.sleep(60)")
    monkeypatch.setattr(isolated, "PROCESS", hangs)
    monkeypatch.setattr(isolated, "TIMEOUT", 0.2)
    assert refusal(HEIC) == "unreadable"


def test_exif_rotation_is_applied() -> None:
    image = Image.fromarray(STROKE[:100])
    exif = image.getexif()
    exif[0x0112] = 6
    page = open_image(encoded(image, "JPEG", exif=exif))
    assert page.shape == (200, 100)


def test_black_strokes_on_transparency_get_white_paper() -> None:
    rgba = np.zeros((50, 50, 4), np.uint8)
    rgba[10:40, 20:25, 3] = 255
    page = open_image(encoded(rgba))
    assert page[0, 0] == 255
    assert page[20, 22] == 0


def test_white_strokes_on_transparency_get_black_paper() -> None:
    rgba = np.zeros((50, 50, 4), np.uint8)
    rgba[10:40, 20:25] = 255
    page = open_image(encoded(rgba))
    assert page[0, 0] == 0
    assert page[20, 22] == 255


def test_a_transparent_palette_image_opens() -> None:
    image = Image.fromarray(STROKE).convert("P")
    page = open_image(encoded(image, "PNG", transparency=0))
    assert page.shape == STROKE.shape


def test_sixteen_bit_grey_keeps_its_range() -> None:
    wide = (STROKE.astype(np.uint16) * 257).astype(np.uint16)
    assert np.array_equal(open_image(encoded(wide)), STROKE)


def test_colour_turns_grey() -> None:
    page = open_image(encoded(np.stack([STROKE] * 3, axis=2)))
    assert page.shape == STROKE.shape


MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "I;16", "CMYK", "YCbCr")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("mode", MODES)
def test_grey_conversion_in_strips_equals_the_whole(kind: str, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (97, 61, 4)).astype(np.uint8)
    image = Image.fromarray(noise).convert("RGB" if mode in ("CMYK", "YCbCr", "1", "P") else "RGBA")
    image = Image.fromarray(noise[..., 0] * np.uint16(250)) if mode == "I;16" else image.convert(mode)
    exif = Image.Exif()
    for orientation in range(10):
        exif[0x0112] = orientation
        out = io.BytesIO()
        try:
            image.save(out, kind, exif=exif)
        except (OSError, KeyError):
            continue  # The format has no such mode.
        monkeypatch.setattr(images, "STRIP_PIXELS", 10**6)
        whole = open_image(out.getvalue())
        monkeypatch.setattr(images, "STRIP_PIXELS", 1000)
        assert np.array_equal(open_image(out.getvalue()), whole)
        upright = ImageOps.exif_transpose(Image.open(out))
        assert whole.shape == (upright.height, upright.width)
        if image.mode in ("L", "RGB"):
            assert np.array_equal(whole, np.asarray(upright.convert("L")))


def test_transparent_page_takes_little_extra_memory() -> None:
    rgba = np.zeros((3000, 3000, 4), np.uint8)
    rgba[1000:2000, 1400:1500, 3] = 255
    data = encoded(rgba)
    tracemalloc.start()
    try:
        page = open_image(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2 * page.nbytes


def test_picture_of_one_pixel_is_decoded() -> None:
    assert open_image(encoded(np.zeros((1, 1), np.uint8))).shape == (1, 1)


def test_an_empty_file_is_refused() -> None:
    assert refusal(b"") == "empty"


def test_text_file_is_refused_as_an_image() -> None:
    assert refusal(b"seven") == "unsupported_type"


@pytest.mark.parametrize("kind", ["ICO", "TGA", "PPM"])
def test_other_formats_are_refused_whatever_their_name(kind: str) -> None:
    assert refusal(encoded(STROKE, kind)) == "unsupported_type"


def test_file_over_10_megabytes_is_refused_unparsed() -> None:
    assert refusal(encoded(STROKE) + b"\0" * MAX_BYTES) == "too_large"


def test_too_many_pixels_are_refused_from_the_header_alone() -> None:
    assert refusal(png_header(6000, 6000)) == "too_many_pixels"


def test_pixel_bomb_is_refused_by_its_header() -> None:
    assert refusal(png_header(200_000, 200_000)) == "too_many_pixels"


def test_png_with_a_second_header_counts_its_pixels() -> None:
    # Pillow decodes by the last header.
    large = encoded(np.full((3000, 2000), 255, np.uint8))
    small, rest = png_header(1, 1)[:33], large[8:]
    assert pixels_in(small + rest) == pixels_in(large) == 6_000_000


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_animated_images_are_refused(kind: str) -> None:
    out = io.BytesIO()
    first, second = Image.fromarray(STROKE), Image.fromarray(255 - STROKE)
    first.convert("RGB").save(out, kind, save_all=True, append_images=[second.convert("RGB")])
    assert refusal(out.getvalue()) == "animated"


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_truncated_file_is_refused_as_truncated(kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 200)).astype(np.uint8)
    data = encoded(noise, kind)
    assert refusal(data[: len(data) // 2]) == "truncated"


def test_a_damaged_chunk_is_refused() -> None:
    data = bytearray(encoded(STROKE))
    data[data.index(b"IDAT") + 8] ^= 0xFF
    assert refusal(bytes(data)) in ("unreadable", "truncated")


def test_small_pages_are_stored_lossless_large_ones_as_jpeg() -> None:
    data, extension = encode_page(STROKE)
    assert extension == "png"
    assert np.array_equal(open_image(data), STROKE)
    large = np.full((1600, 1600), 200, np.uint8)
    data, extension = encode_page(large)
    assert extension == "jpg"
    assert open_image(data).shape == large.shape


def written(width: int, height: int) -> Image.Image:
    """Grey paper with noise and a few strokes, as a phone might have seen it."""
    paper = np.random.default_rng(7).normal(200, 6, (height, width)).clip(0, 255).astype(np.uint8)
    page = Image.fromarray(paper)
    draw = ImageDraw.Draw(page)
    draw.line([(width * 0.3, height * 0.2), (width * 0.7, height * 0.8), (width * 0.7, height * 0.2)], 40, 5)
    return page.convert("RGB")


@pytest.mark.parametrize("size", [(60, 40), (600, 420)])
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {"optimize": True}),
        ("JPEG", {"quality": 95}),
        ("JPEG", {"quality": 60}),
        ("JPEG", {"quality": 25}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"quality": 75}),
        ("WEBP", {"quality": 20}),
    ],
)
def test_stored_page_is_no_larger_than_its_upload(size: tuple[int, int], kind: str, options: dict[str, Any]) -> None:
    data = encoded(written(*size), kind, **options)
    page = open_image(data)
    kept, _ = encode_page(page, came_in=data)
    assert len(kept) <= len(data)
    again = open_image(kept)
    assert again.shape == page.shape
    assert np.abs(again.astype(float) - page).mean() < 8


def test_page_in_a_format_browsers_lack_may_be_larger() -> None:
    data = encoded(written(600, 420), "TIFF", compression="jpeg", quality=20)
    page = open_image(data)
    kept, extension = encode_page(page, came_in=data)
    assert (extension, len(kept) > len(data)) == ("png", True)
    assert np.array_equal(open_image(kept), page)


@pytest.mark.parametrize("levels", [2, 5, 16])
def test_page_with_few_greys_is_stored_small_and_exact(levels: int) -> None:
    few = written(800, 600).convert("L").quantize(levels)
    data = encoded(few if levels > 2 else written(800, 600).convert("1", dither=Image.Dither.NONE), optimize=True)
    page = open_image(data)
    kept, extension = encode_page(page, came_in=data)
    assert len(kept) <= len(data)
    assert levels > 2 or (extension == "png" and np.array_equal(open_image(kept), page))


def test_drawing_is_stored_losslessly_in_its_format() -> None:
    page = Image.new("RGBA", (900, 300), "white")
    draw = ImageDraw.Draw(page)
    for x in range(20, 880, 100):
        draw.line([(x, 30), (x + 50, 150), (x, 270)], "black", 13, "curve")
    data = encoded(page)
    kept, extension = encode_page(open_image(data), came_in=data)
    assert (extension, len(kept) <= len(data)) == ("png", True)
    assert np.array_equal(open_image(kept), open_image(data))


def test_strip_of_frames_is_decoded_unchanged() -> None:
    frames = [np.eye(28, dtype=np.float32), np.ones((28, 28), np.float32)]
    assert np.array_equal(open_strip(frames_strip(frames)), np.stack(frames))


def test_picture_that_is_not_a_strip_is_refused() -> None:
    with pytest.raises(ValueError, match="not a strip"):
        open_strip(encoded(STROKE))
