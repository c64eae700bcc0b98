import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from recognizer.reading import MAX_BYTES, UnreadableImage, encode_page, frames_strip, open_image, open_strip

from .pages import drawn, encoded

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


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_png_jpeg_and_webp_open_to_the_same_page(kind: str) -> None:
    page = open_image(encoded(STROKE, kind))
    assert page.dtype == np.uint8
    assert np.abs(page.astype(int) - STROKE).mean() < 3


def test_exif_rotation_is_applied() -> None:
    image = Image.fromarray(STROKE[:100])
    exif = image.getexif()
    exif[0x0112] = 6
    page = open_image(encoded(image, "JPEG", exif=exif))
    assert page.shape == (200, 100)


def test_black_strokes_on_a_transparent_canvas_are_laid_on_white() -> None:
    rgba = np.zeros((50, 50, 4), np.uint8)
    rgba[10:40, 20:25, 3] = 255
    page = open_image(encoded(rgba))
    assert page[0, 0] == 255
    assert page[20, 22] == 0


def test_white_strokes_on_a_transparent_canvas_are_laid_on_black() -> None:
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


def test_a_single_pixel_opens() -> None:
    assert open_image(encoded(np.zeros((1, 1), np.uint8))).shape == (1, 1)


def test_an_empty_file_is_refused() -> None:
    assert refusal(b"") == "empty"


def test_text_is_refused_as_no_image() -> None:
    assert refusal(b"seven") == "unsupported_type"


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "PDF", "ICO"])
def test_other_formats_are_refused_whatever_their_name(kind: str) -> None:
    assert refusal(encoded(STROKE, kind)) == "unsupported_type"


def test_a_file_over_ten_megabytes_is_refused_before_it_is_parsed() -> None:
    assert refusal(encoded(STROKE) + b"\0" * MAX_BYTES) == "too_large"


def test_too_many_pixels_are_refused_from_the_header_alone() -> None:
    assert refusal(png_header(6000, 6000)) == "too_many_pixels"


def test_a_bomb_of_pixels_is_refused_from_the_header_alone() -> None:
    assert refusal(png_header(200_000, 200_000)) == "too_many_pixels"


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_animated_images_are_refused(kind: str) -> None:
    out = io.BytesIO()
    first, second = Image.fromarray(STROKE), Image.fromarray(255 - STROKE)
    first.convert("RGB").save(out, kind, save_all=True, append_images=[second.convert("RGB")])
    assert refusal(out.getvalue()) == "animated"


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_file_cut_short_is_refused_as_such(kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 200)).astype(np.uint8)
    data = encoded(noise, kind)
    assert refusal(data[: len(data) // 2]) == "truncated"


def test_a_damaged_chunk_is_refused() -> None:
    data = bytearray(encoded(STROKE))
    data[data.index(b"IDAT") + 8] ^= 0xFF
    assert refusal(bytes(data)) in ("unreadable", "truncated")


def test_small_pages_are_kept_without_loss_and_large_ones_as_jpeg() -> None:
    data, extension = encode_page(STROKE)
    assert extension == "png"
    assert np.array_equal(open_image(data), STROKE)
    large = np.full((1600, 1600), 200, np.uint8)
    data, extension = encode_page(large)
    assert extension == "jpg"
    assert open_image(data).shape == large.shape


def test_a_strip_of_frames_comes_back_as_it_went() -> None:
    frames = [np.eye(28, dtype=np.float32), np.ones((28, 28), np.float32)]
    assert np.array_equal(open_strip(frames_strip(frames)), np.stack(frames))


def test_what_is_no_strip_is_refused() -> None:
    with pytest.raises(ValueError, match="no strip"):
        open_strip(encoded(STROKE))
