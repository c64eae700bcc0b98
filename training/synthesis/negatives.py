"""Examples of "not a digit": halves, pairs, dots, dashes, letters, scribbles."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import cv2
import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .strokes import catmull_rom

LETTERS = "ACEFGHJKLMNQRUVWXYadefhkmnruvwx&#%@?+=*$<>ДЖИЛПЦШЩЫЭЮЯжицшщыэюяΓΔΞΠΣΨΩαεημπψω"
"""Letters and signs that look like no digit in any handwriting. O D l I S Z B b g q and similar ones are left out, and
T t y P p, which some people's 7, 4 and 9 look like."""

SCRIPTS = (cv2.FONT_HERSHEY_SCRIPT_SIMPLEX, cv2.FONT_HERSHEY_SCRIPT_COMPLEX, cv2.FONT_HERSHEY_DUPLEX)
"""Pen-stroke fonts to train on. The other Hershey fonts are kept for evaluating refusals."""

LATIN = 31
"""Number of Latin letters at the start of LETTERS. The pen-stroke fonts have only these."""

FONTS = (
    "DejaVuSans",
    "DejaVuSans-Oblique",
    "DejaVuSerif",
    "DejaVuSerif-Italic",
    "DejaVuSansMono",
    "STIXGeneralItalic",
)


def draw_nondigit(digits: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw one shape that is no digit, partly made from digits.

    digits: uint8 (n, 28, 28), MNIST training images; labels: (n,). Returns float32 ink (h, w).
    """
    kinds: list[tuple[float, Callable[[], np.ndarray]]] = [
        (0.26, lambda: pair(digits, rng)),
        (0.04, lambda: stack(digits, rng)),
        (0.20, lambda: part(digits, labels, rng)),
        (0.28, lambda: letter(rng)),
        (0.08, lambda: scribble(rng)),
        (0.10, lambda: mark(rng)),
        (0.04, lambda: blot(rng)),
    ]
    pick = rng.choice(len(kinds), p=[share for share, _ in kinds])
    return kinds[pick][1]()


def one(digits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    image = digits[rng.integers(len(digits))].astype(np.float32) / 255
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    return image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def pair(digits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw two digits side by side, or one and a slice of its neighbour, from overlapping to apart."""
    left, right = one(digits, rng), one(digits, rng)
    if rng.random() < 0.35:
        # A slice must be wide: a digit with a thin sliver beside it is still that digit.
        keep = max(5, round(right.shape[1] * rng.uniform(0.4, 0.8)))
        right = right[:, :keep] if rng.random() < 0.5 else right[:, -keep:]
        if rng.random() < 0.5:
            left, right = right, left
    gap = int(rng.integers(-3, 5))
    height = max(left.shape[0], right.shape[0]) + 6
    out = np.zeros((height, left.shape[1] + right.shape[1] + 8), np.float32)
    y = int(rng.integers(0, height - left.shape[0] + 1))
    out[y : y + left.shape[0], : left.shape[1]] = left
    y = int(rng.integers(0, height - right.shape[0] + 1))
    x = max(0, left.shape[1] + gap)
    region = out[y : y + right.shape[0], x : x + right.shape[1]]
    np.maximum(region, right[:, : region.shape[1]], out=region)
    return out


def stack(digits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw one digit above another, as from two close lines."""
    above, below = one(digits, rng), one(digits, rng)
    gap, width = int(rng.integers(0, 5)), max(above.shape[1], below.shape[1]) + 6
    out = np.zeros((above.shape[0] + gap + below.shape[0], width), np.float32)
    for shape, y in ((above, 0), (below, above.shape[0] + gap)):
        x = int(rng.integers(0, width - shape.shape[1] + 1))
        out[y : y + shape.shape[0], x : x + shape.shape[1]] = shape
    return out


def beside_a_neighbour(ink: np.ndarray, digits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw a digit with a sliver of the next one, as an inexact cut leaves it. It is still that digit.

    ink: float32 (28, 28). Returns float32 (28, w).
    """
    sliver = one(digits, rng)
    sliver = sliver[:, : int(rng.integers(1, 4))]
    columns = np.flatnonzero(ink.any(axis=0))
    body = ink[:, columns[0] : columns[-1] + 1]
    room = ink.shape[0] - sliver.shape[0]
    y = int(rng.integers(0, room + 1)) if room > 0 else 0
    gap = int(rng.integers(0, 3))
    out = np.zeros((ink.shape[0], body.shape[1] + gap + sliver.shape[1]), np.float32)
    out[:, : body.shape[1]] = body
    out[y : y + sliver.shape[0], -sliver.shape[1] :] = np.maximum(
        out[y : y + sliver.shape[0], -sliver.shape[1] :], sliver[: ink.shape[0]]
    )
    if rng.random() < 0.5:
        # The sliver is a left edge. Mirrored, it serves as a right one; the digit itself is not mirrored.
        out = np.concatenate([out[:, body.shape[1] + gap :][:, ::-1], np.zeros((ink.shape[0], gap)), body], axis=1)
    return out.astype(np.float32)


def part(digits: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw half of a round digit, as a wrong cut leaves it. Halves of 1, 4 and 7 can be digits themselves."""
    while True:
        index = rng.integers(len(digits))
        if labels[index] in (0, 2, 3, 5, 6, 8, 9):
            break
    image = one(digits[index : index + 1], rng)
    height, width = image.shape
    if labels[index] in (0, 8) and rng.random() < 0.5:
        keep = round(width * rng.uniform(0.35, 0.6))
        half = image[:, :keep] if rng.random() < 0.5 else image[:, -keep:]
        # The left half of a 0 is a bracket, and with a thick pen nearly a 1, so only strongly curved ones are kept.
        return half if np.ptp(half.argmax(axis=1)) >= 3 else letter(rng)
    keep = round(height * rng.uniform(0.3, 0.5))
    if labels[index] in (2, 3, 5) and rng.random() < 0.5:
        return image[-keep:]
    return image[:keep] if labels[index] not in (6, 8, 9, 0) else image[: max(3, keep // 2)]


@lru_cache
def _font(name: str, size: int) -> ImageFont.FreeTypeFont:
    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{name}.ttf"
    return ImageFont.truetype(str(path), size)


def letter(rng: np.random.Generator) -> np.ndarray:
    """Draw a letter or sign, sometimes two. `augment` then thins it to a pen's stroke."""
    if rng.random() < 0.35:
        return stroked("".join(rng.choice(list(LETTERS[:LATIN]), int(rng.integers(1, 3)))), SCRIPTS, rng)
    text = "".join(rng.choice(list(LETTERS), 1 if rng.random() < 0.85 else 2))
    font = _font(str(rng.choice(FONTS)), 40)
    left, top, right, bottom = font.getbbox(text)
    image = Image.new("L", (int(right - left) + 8, int(bottom - top) + 8))
    ImageDraw.Draw(image).text((4 - left, 4 - top), text, fill=255, font=font)
    return np.asarray(image, np.float32) / 255


def stroked(text: str, fonts: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Write Latin letters with a round nib in one of OpenCV's Hershey fonts. Returns float32 ink (h, w)."""
    font, nib = int(rng.choice(fonts)), int(rng.integers(1, 6))
    (width, height), below = cv2.getTextSize(text, font, 1.8, nib)
    out = np.zeros((height + below + 8, width + 16), np.uint8)
    cv2.putText(out, text, (8, height + 4), font, 1.8, 255, nib, cv2.LINE_AA)
    return out.astype(np.float32) / 255


def scribble(rng: np.random.Generator) -> np.ndarray:
    """A tangle of one to three strokes."""
    out = np.zeros((60, 60), np.uint8)
    nib = int(rng.integers(1, 6))
    for _ in range(rng.integers(1, 4)):
        points = catmull_rom(rng.uniform(6, 54, (rng.integers(5, 12), 2)).astype(np.float32))
        cv2.polylines(out, [np.round(points * 16).astype(np.int32)], False, 255, nib, cv2.LINE_AA, 4)
    return out.astype(np.float32) / 255


def mark(rng: np.random.Generator) -> np.ndarray:
    """A dot, a dash, a double dash, a tick or a ring of dots, as between and after numbers."""
    out = np.zeros((60, 60), np.uint8)
    nib = int(rng.integers(3, 9))

    def line(*ends: tuple[float, float]) -> None:
        points = np.array(ends) + rng.normal(0, 1.5, (len(ends), 2))
        cv2.polylines(out, [np.round(points * 16).astype(np.int32)], False, 255, nib, cv2.LINE_AA, 4)

    match int(rng.integers(5)):
        case 0:
            cv2.circle(out, (30, 30), int(rng.integers(6, 20)), 255, -1, cv2.LINE_AA)
        case 1:
            line((8, 30), (30, 30 + rng.normal(0, 3)), (52, 30))
        case 2:
            line((8, 24), (52, 24))
            line((8, 38), (52, 38))
        case 3:
            line((8, 32), (20, 34), (30, 24), (40, 36), (54, 28))
        case 4:
            line((20, 8), (20, 52))
            line((40, 8), (40, 52))
            line((8, 30), (52, 30))
    return out.astype(np.float32) / 255


def blot(rng: np.random.Generator) -> np.ndarray:
    """A blob of smoothed noise."""
    noise = cv2.GaussianBlur(rng.random((60, 60)).astype(np.float32), (0, 0), rng.uniform(2, 6))
    level = np.quantile(noise, rng.uniform(0.4, 0.8))
    return (noise > level).astype(np.float32)
