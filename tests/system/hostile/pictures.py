"""Invalid and hostile pictures, made by code, each with its expected refusal."""

import io
import struct
import zlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from recognizer.reading import MAX_BYTES
from tests.factories import encoded

Refusal = str
SIGNATURE = b"\x89PNG\r\n\x1a\n"
RANDOM = np.random.default_rng(5)
NOISE = RANDOM.integers(0, 256, (64, 64), np.uint8)
HEIC = (Path(__file__).parents[2] / "seven.heic").read_bytes()
WHITE = np.full((40, 40), 255, np.uint8)


def chunk(kind: bytes, data: bytes = b"", crc: int | None = None, length: int | None = None) -> bytes:
    """A PNG chunk whose CRC and length are right unless told otherwise."""
    right = zlib.crc32(kind + data)
    size = len(data) if length is None else length
    return struct.pack(">I", size) + kind + data + struct.pack(">I", right if crc is None else crc)


def header(width: int, height: int, depth: int = 8, colour: int = 0, *rest: int) -> bytes:
    compression, filtering, interlace = (*rest, *(0, 0, 0)[len(rest) :])
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, compression, filtering, interlace))


def assembled(*chunks: bytes) -> bytes:
    return SIGNATURE + b"".join(chunks)


def rows(width: int, height: int, value: int = 255, filtering: int = 0) -> bytes:
    return zlib.compress((bytes([filtering]) + bytes([value]) * width) * height)


END = chunk(b"IEND")
PIXELS = chunk(b"IDAT", rows(40, 40))


def rotated(orientation: int, image: Image.Image, kind: str = "JPEG") -> bytes:
    exif = image.getexif()
    exif[0x0112] = orientation
    return encoded(image, kind, exif=exif)


def with_exif(block: bytes) -> bytes:
    """A blank JPEG that carries a raw EXIF block."""
    plain = encoded(WHITE, "JPEG")
    segment = b"Exif\0\0" + block
    return plain[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + plain[2:]


def exif_loop() -> bytes:
    """TIFF directories that name each other as the next one."""
    entry = struct.pack(">HHII", 0x0112, 3, 1, 6 << 16)
    first = struct.pack(">H", 1) + entry + struct.pack(">I", 26)
    second = struct.pack(">H", 1) + entry + struct.pack(">I", 8)
    return b"MM\0*" + struct.pack(">I", 8) + first + second


def exif_of_itself() -> bytes:
    """An EXIF pointer to its own directory."""
    return b"MM\0*" + struct.pack(">I", 8) + struct.pack(">H", 1) + struct.pack(">HHII", 0x8769, 4, 1, 8) + bytes(4)


def exif_of_lies() -> bytes:
    """A directory of 65,535 entries, each four gigabytes long, in a dozen bytes."""
    return b"MM\0*" + struct.pack(">I", 8) + struct.pack(">H", 65535) + struct.pack(">HHII", 0x010E, 2, 2**32 - 1, 8)


def animated(kind: str) -> bytes:
    out = io.BytesIO()
    frames = [Image.fromarray(NOISE).convert("RGB"), Image.fromarray(255 - NOISE).convert("RGB")]
    frames[0].save(out, kind, save_all=True, append_images=frames[1:])
    return out.getvalue()


def webp_chunk(kind: bytes, data: bytes, length: int | None = None) -> bytes:
    return kind + struct.pack("<I", len(data) if length is None else length) + data + b"\0" * (len(data) % 2)


def riff(body: bytes, length: int | None = None) -> bytes:
    return b"RIFF" + struct.pack("<I", len(body) + 4 if length is None else length) + b"WEBP" + body


def canvas(width: int, height: int) -> bytes:
    """The header of an extended WebP of a size."""
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return webp_chunk(b"VP8X", b"\0\0\0\0" + sides)


def jpeg_claiming(width: int, height: int) -> bytes:
    """A JPEG whose frame header claims a size that its pixels are not."""
    data = bytearray(encoded(NOISE, "JPEG"))
    start = data.index(b"\xff\xc0")
    data[start + 5 : start + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def drawn(*boxes: tuple[int, int, int, int], size: tuple[int, int] = (200, 200)) -> bytes:
    image = Image.new("L", size, 255)
    for box in boxes:
        ImageDraw.Draw(image).ellipse(box, fill=0)
    return encoded(image)


def other_formats() -> Iterator[tuple[str, bytes, Refusal]]:
    for kind in ("ICO", "TGA", "PPM", "PCX", "SGI", "EPS", "ICNS", "JPEG2000"):
        yield f"{kind} renamed .png", encoded(Image.fromarray(NOISE).convert("RGB"), kind), "unsupported_type"
    for name, data in {
        "SVG": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        "SVG with entities": b"<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><svg>&a;</svg>",
        "HTML": b"<!doctype html><script>alert(1)</script>",
        "ZIP": b"PK\x03\x04" + bytes(60),
        "ELF": b"\x7fELF" + bytes(60),
        "PHP in a GIF": b"GIF89a<?php system($_GET[0]); ?>",
        "HEIC": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
        "MP4": b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(40),
        "FITS": b"SIMPLE  =                    T",
        "XBM": b"#define x_width 8\n#define x_height 8\nstatic char x_bits[] = {0};",
        "text": b"seven",
        "a byte": b"\x89",
        "zeros": bytes(4096),
        "ones": b"\xff" * 4096,
        "random bytes": RANDOM.bytes(4096),
        "a JPEG's first bytes": b"\xff\xd8\xff",
        "a JPEG of markers alone": b"\xff\xd8" + b"\xff\xd9",
        "a PNG's signature": SIGNATURE,
        "a PNG with its line endings turned": SIGNATURE.replace(b"\r\n", b"\n") + header(9, 9) + PIXELS + END,
        "a picture behind a byte of rubbish": b"\0" + encoded(NOISE),
        "MNG": b"\x8aMNG\r\n\x1a\n" + bytes(40),
        "RIFF that is a sound": b"RIFF" + struct.pack("<I", 36) + b"WAVEfmt " + bytes(28),
    }.items():
        yield name, data, "unsupported_type"


def broken_pngs() -> Iterator[tuple[str, bytes, Refusal]]:
    whole = encoded(NOISE)
    yield "cut after the header", SIGNATURE + header(40, 40), "unsupported_type"
    yield "cut inside the header", (SIGNATURE + header(40, 40))[:20], "unsupported_type"
    yield "cut inside the header's CRC", (SIGNATURE + header(40, 40))[:-2], "unsupported_type"
    yield "cut inside a length", assembled(header(40, 40)) + b"\0\0", "unsupported_type"
    yield "cut inside the pixels", whole[: len(whole) // 2], "truncated"
    yield "cut inside text", assembled(header(40, 40), chunk(b"tEXt", b"Comment\0hello")[:14]), "unsupported_type"
    yield "cut inside a palette", assembled(header(40, 40, 8, 3), chunk(b"PLTE", bytes(9))[:12]), "unsupported_type"
    yield "no header", assembled(PIXELS, END), "unsupported_type"
    yield "no pixels", assembled(header(40, 40), END), "unreadable"
    yield "pixels of nothing", assembled(header(40, 40), chunk(b"IDAT"), END), "truncated"
    yield "pixels that are no zlib", assembled(header(40, 40), chunk(b"IDAT", b"nonsense"), END), "unreadable"
    yield (
        "a zlib that wants a dictionary",
        assembled(header(40, 40), chunk(b"IDAT", b"\x78\xbb\0\0\0\1"), END),
        "truncated",
    )
    yield (
        "a filter that does not exist",
        assembled(header(40, 40), chunk(b"IDAT", rows(40, 40, filtering=9)), END),
        "unreadable",
    )
    yield "a header with a bad CRC", assembled(chunk(b"IHDR", bytes(13), crc=1), PIXELS, END), "unsupported_type"
    yield "pixels with a bad CRC", assembled(header(40, 40), chunk(b"IDAT", rows(40, 40), crc=1), END), "no_ink"
    yield (
        "a palette with a bad CRC",
        assembled(header(40, 40, 8, 3), chunk(b"PLTE", bytes(9), crc=1), PIXELS, END),
        "unsupported_type",
    )
    yield (
        "a chunk longer than the file",
        assembled(header(40, 40), chunk(b"IDAT", b"x", length=2**31 - 1)),
        "unreadable",
    )
    yield (
        "a chunk of a negative length",
        assembled(header(40, 40), chunk(b"tEXt", b"x", length=2**32 - 1)),
        "unsupported_type",
    )
    yield "a header that is too short", assembled(chunk(b"IHDR", bytes(4)), PIXELS, END), "unsupported_type"
    yield "no width", assembled(header(0, 40), PIXELS, END), "unsupported_type"
    yield "no height", assembled(header(40, 0), PIXELS, END), "unsupported_type"
    yield "a width below zero", assembled(header(2**32 - 1, 1), PIXELS, END), "too_many_pixels"
    yield "a depth of 3 bits", assembled(header(40, 40, 3), PIXELS, END), "unsupported_type"
    yield "a colour type that does not exist", assembled(header(40, 40, 8, 7), PIXELS, END), "unsupported_type"
    yield "a palette without a palette", assembled(header(40, 40, 8, 3), PIXELS, END), "no_ink"
    yield "an interlace that does not exist", assembled(header(40, 40, 8, 0, 0, 0, 9), PIXELS, END), "unreadable"
    yield "a filter method that does not exist", assembled(header(40, 40, 8, 0, 0, 9), PIXELS, END), "unsupported_type"
    yield (
        "a chunk of a name that is none",
        assembled(header(40, 40), chunk(b"\0\1\2\3", b"x"), PIXELS, END),
        "unsupported_type",
    )
    yield "two headers", assembled(header(40, 40), header(4000, 4000), PIXELS, END), "truncated"


def bombs() -> Iterator[tuple[str, bytes, Refusal]]:
    yield "26 megapixels", assembled(header(5200, 5000), PIXELS, END), "too_many_pixels"
    yield "40 gigapixels", assembled(header(200_000, 200_000), PIXELS, END), "too_many_pixels"
    yield "the largest PNG there can be", assembled(header(2**31 - 1, 2**31 - 1), PIXELS, END), "too_many_pixels"
    yield "the largest JPEG there can be", jpeg_claiming(65_500, 65_500), "too_many_pixels"
    yield "the largest WebP there can be", riff(canvas(16_384, 16_384)), "too_many_pixels"
    text = zlib.compress(bytes(50_000_000))
    yield (
        "text that unpacks to 50 MB",
        assembled(header(40, 40), chunk(b"zTXt", b"x\0\0" + text), PIXELS, END),
        "unsupported_type",
    )
    yield (
        "a profile that unpacks to 50 MB",
        assembled(header(40, 40), chunk(b"iCCP", b"x\0\0" + text), PIXELS, END),
        "unsupported_type",
    )
    many = chunk(b"iTXt", b"x\0\0\0\0\0" + b"y" * 200) * 20_000
    yield "20,000 texts", assembled(header(40, 40), many, PIXELS, END), "unreadable"
    yield "100,000 empty chunks", assembled(header(40, 40), chunk(b"teXt") * 100_000, PIXELS, END), "unreadable"
    yield "20,000 pieces of pixels", assembled(header(40, 40), chunk(b"IDAT") * 20_000, PIXELS, END), "unreadable"
    yield (
        "pixels that unpack to 50 MB more",
        assembled(header(40, 40), chunk(b"IDAT", zlib.compress(bytes([0]) + b"\xff" * 50_000_000)), END),
        "unreadable",
    )
    yield "over 10 MB", encoded(NOISE) + bytes(MAX_BYTES), "too_large"
    yield "just under 10 MB of nothing", bytes(MAX_BYTES), "unsupported_type"


def odd_jpegs_and_webps() -> Iterator[tuple[str, bytes, Refusal]]:
    jpeg, webp = encoded(NOISE, "JPEG"), encoded(NOISE, "WEBP", lossless=True)
    yield "a JPEG cut inside its tables", jpeg[:60], "unsupported_type"
    yield "a JPEG cut inside its pixels", jpeg[: len(jpeg) // 2], "truncated"
    yield "a JPEG without its tables", jpeg.replace(b"\xff\xc4", b"\xff\xec"), "no_paper"
    yield "a JPEG without its quantisation", jpeg.replace(b"\xff\xdb", b"\xff\xec"), "unreadable"
    yield "a JPEG of no height", jpeg_claiming(64, 0), "unsupported_type"
    yield "a JPEG of no width", jpeg_claiming(0, 64), "unsupported_type"
    yield "a JPEG of 12 bits", jpeg.replace(b"\xff\xc0\0\x0b\x08", b"\xff\xc0\0\x0b\x0c"), "unsupported_type"
    yield "an EXIF loop", with_exif(exif_loop()), "no_ink"
    yield "an EXIF pointer to itself", with_exif(exif_of_itself()), "no_ink"
    yield "an EXIF block of lies", with_exif(exif_of_lies()), "no_ink"
    yield "an EXIF block of nothing", with_exif(b""), "no_ink"
    yield "an EXIF block of noise", with_exif(b"MM\0*" + RANDOM.bytes(2000)), "no_ink"
    yield "an orientation that does not exist", rotated(99, Image.fromarray(WHITE)), "no_ink"
    yield "a WebP cut short", webp[: len(webp) // 2], "unsupported_type"
    yield "a WebP of no pixels", riff(b""), "unsupported_type"
    yield "a WebP with a length of lies", riff(webp[12:], length=2**32 - 2), "unsupported_type"
    yield "a WebP of noise", riff(webp_chunk(b"VP8 ", RANDOM.bytes(500))), "unsupported_type"
    yield "an animated WebP", animated("WEBP"), "animated"
    yield "an animated PNG", animated("PNG"), "animated"


def pdf_of(*pages: str) -> bytes:
    """A PDF whose pages are dictionaries, without a table of where its objects are."""
    kids = " ".join(f"{number} 0 R" for number in range(3, 3 + len(pages)))
    objects = ["<</Type/Catalog/Pages 2 0 R>>", f"<</Type/Pages/Kids[{kids}]/Count {len(pages)}>>"]
    objects += [f"<</Type/Page/Parent 2 0 R{page}>>" for page in pages]
    body = "".join(f"{number} 0 obj{written}endobj\n" for number, written in enumerate(objects, start=1))
    return f"%PDF-1.4\n{body}trailer<</Root 1 0 R>>\n%%EOF".encode()


def claiming(data: bytes, width: int, height: int) -> bytes:
    """An AVIF or HEIC that claims a size."""
    place = data.index(b"ispe") + 8
    return data[:place] + struct.pack(">II", width, height) + data[place + 8 :]


def tiff_of(*entries: tuple[int, int], following: int = 0) -> bytes:
    """A grey TIFF of 8 bits whose directory holds tags, each a number."""
    tags = {258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: 8, 279: 64} | dict(entries)
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(tags.items()))
    return b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags)) + directory + struct.pack("<I", following)


def of_two_pages(kind: str) -> bytes:
    out, page = io.BytesIO(), Image.fromarray(NOISE)
    page.save(out, kind, save_all=True, append_images=[page])
    return out.getvalue()


def odd_documents() -> Iterator[tuple[str, bytes, Refusal]]:
    gif, bmp, pdf = (encoded(NOISE, kind) for kind in ("GIF", "BMP", "PDF"))
    avif = encoded(Image.fromarray(NOISE).convert("RGB"), "AVIF")
    box = "/MediaBox[0 0 {} {}]"
    for kind in ("PDF", "TIFF"):
        yield f"a {kind} of two pages", of_two_pages(kind), "several_pages"
    yield "a PDF of no pages", pdf_of(), "unreadable"
    yield "a PDF's first bytes", b"%PDF-1.4", "unreadable"
    yield "a PDF of noise", b"%PDF-1.7\n" + RANDOM.bytes(3000), "unreadable"
    yield "a PDF without its pages", pdf.replace(b"/Pages", b"/Rages"), "unreadable"
    yield "a PDF page of a kilometre", pdf_of(box.format(3_000_000, 3_000_000)), "no_ink"
    yield "a PDF page thinner than a pixel", pdf_of(box.format(14_000, 0.001)), "unreadable"
    yield "a PDF page of nothing", pdf_of(box.format(100, 100)), "no_ink"
    yield "the largest GIF there can be", gif[:6] + struct.pack("<HH", 65535, 65535) + gif[10:], "too_many_pixels"
    yield "a GIF cut short", gif[: len(gif) // 2], "truncated"
    yield (
        "the largest BMP there can be",
        bmp[:18] + struct.pack("<ii", 2**31 - 1, 2**31 - 1) + bmp[26:],
        "too_many_pixels",
    )
    yield "a BMP cut short", bmp[: len(bmp) // 2], "truncated"
    yield "the largest TIFF there can be", tiff_of((256, 2**31), (257, 2**31)), "too_many_pixels"
    yield "a TIFF of one huge tile", tiff_of((256, 8), (257, 8), (322, 65_520), (323, 65_520)), "too_many_pixels"
    yield "a TIFF without pixels", tiff_of((256, 8), (257, 8)), "no_ink"
    yield "a TIFF that is its own next page", tiff_of((256, 8), (257, 8), following=8), "no_ink"
    yield "a TIFF of floating points", encoded(Image.fromarray(NOISE.astype(np.float32)), "TIFF"), "no_ink"
    yield "an AVIF that claims too much", claiming(avif, 20_000, 20_000), "unsupported_type"
    yield "an AVIF cut short", avif[: len(avif) // 2], "unsupported_type"
    yield "an animated AVIF", animated("AVIF"), "animated"
    yield "a HEIC that claims too much", claiming(HEIC, 20_000, 20_000), "too_many_pixels"
    yield "a HEIC that claims too little", claiming(HEIC, 20, 20), "unreadable"
    yield "a HEIC cut inside its pixels", HEIC[:-10], "unreadable"
    yield "a HEIC cut inside its boxes", HEIC[:300], "unsupported_type"


def two_pictures() -> bytes:
    out = io.BytesIO()
    first, second = Image.fromarray(NOISE).convert("RGB"), Image.fromarray(255 - NOISE).convert("RGB")
    first.save(out, "MPO", save_all=True, append_images=[second])
    return out.getvalue()


def pictures_of_nothing() -> Iterator[tuple[str, bytes, Refusal]]:
    white = Image.fromarray(WHITE)
    for mode in ("1", "P", "LA", "RGB", "RGBA", "I;16"):
        shade: Any = white.convert(mode) if mode != "I;16" else Image.fromarray(WHITE.astype(np.uint16) * 257)
        yield f"blank, mode {mode}", encoded(shade), "no_ink"
    for mode in ("CMYK", "YCbCr", "L"):
        yield f"a blank JPEG, mode {mode}", encoded(white.convert(mode), "JPEG"), "no_ink"
    yield "wholly transparent", encoded(np.zeros((40, 40, 4), np.uint8)), "no_ink"
    yield "black", encoded(np.zeros((40, 40), np.uint8)), "no_ink"
    yield "a pixel", encoded(np.zeros((1, 1), np.uint8)), "no_ink"
    yield "1 x 100,000", encoded(np.full((100_000, 1), 255, np.uint8)), "no_ink"
    yield "100,000 x 1", encoded(np.full((1, 100_000), 255, np.uint8)), "no_ink"
    yield "faint noise", encoded(RANDOM.integers(250, 256, (200, 200)).astype(np.uint8)), "no_ink"
    board = np.kron(np.indices((10, 10)).sum(axis=0) % 2, np.ones((20, 20))).astype(np.uint8) * 255
    yield "a chess board", encoded(board), "no_ink"
    yield (
        "a page half black",
        encoded(np.repeat(np.array([[0, 255]], np.uint8), 100, axis=1).repeat(200, axis=0)),
        "no_ink",
    )
    yield "a polyglot: HTML behind a blank PNG", encoded(WHITE) + b"<script>alert(1)</script>", "no_ink"
    yield "a polyglot: ZIP behind a blank JPEG", encoded(WHITE, "JPEG") + b"PK\x05\x06" + bytes(18), "no_ink"
    yield (
        "a polyglot: PHP in a PNG's text",
        assembled(header(40, 40), chunk(b"tEXt", b"x\0<?php ?>"), PIXELS, END),
        "no_ink",
    )


def strange_pictures() -> dict[str, bytes]:
    """Name -> bytes of unusual pictures that may be read or refused."""
    return {
        "a single dot": drawn((98, 98, 101, 101)),
        "three dots": drawn((20, 98, 23, 101), (90, 98, 93, 101), (160, 98, 163, 101)),
        "a gradient": encoded(np.tile(np.arange(256, dtype=np.uint8), (256, 1))),
        "a size the pixels are not": jpeg_claiming(2000, 2000),
        "a JPEG said to be of arithmetic coding": encoded(NOISE, "JPEG").replace(b"\xff\xc0", b"\xff\xc9"),
        "pixels that end early": assembled(header(40, 40), chunk(b"IDAT", rows(40, 3)), END),
        "25 megapixels of paper": encoded(np.full((5000, 5000), 255, np.uint8)),
        "noise": encoded(RANDOM.integers(0, 256, (200, 200)).astype(np.uint8)),
        "strong noise": encoded(RANDOM.integers(0, 256, (400, 400)).astype(np.uint8)),
        "a column of ink": encoded(np.pad(np.zeros((2000, 1), np.uint8), 20, constant_values=255)),
        "an MPO of two pictures": two_pictures(),
        "an animated GIF": animated("GIF"),
        "an AVIF of more pixels than it claims": claiming(encoded(np.full((800, 800), 255, np.uint8), "AVIF"), 20, 20),
        "16 bit noise": encoded(Image.fromarray(RANDOM.integers(0, 65536, (100, 100)).astype(np.uint16))),
    }


def seeds() -> list[bytes]:
    """A good picture of each kind, for what damages them."""
    noise = Image.fromarray(NOISE).convert("RGB")
    return [HEIC, *(encoded(noise, kind) for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "PDF"))]


@cache
def every_picture() -> dict[str, tuple[bytes, Refusal]]:
    """Name -> (bytes, code of the refusal)."""
    made: dict[str, tuple[bytes, Refusal]] = {"nothing": (b"", "empty")}
    for family in (other_formats, broken_pngs, bombs, odd_jpegs_and_webps, odd_documents, pictures_of_nothing):
        for name, data, code in family():
            assert name not in made
            made[name] = (data, code)
    return made
