"""Written rows of digits, cut by the reader itself, to train the classifier.

The lattice scores segments: whole digits, halves, pairs. Training on the segments that the reader cuts, each labelled
as one digit or none, makes the right path the best one (LeCun, Bottou, Bengio and Haffner, 1998, section VI, train
their recognizer inside the graph for the same reason).
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from recognizer.reading.classifier import NOT_A_DIGIT
from recognizer.reading.cuts import Pieces, between, cut
from recognizer.reading.ink import find_ink
from recognizer.reading.lattice import segments_of
from recognizer.reading.lines import Line, find_lines

from .augmentation import bend, redraw
from .negatives import letter
from .strokes import draw_digit

PAPER, MARK = 0, 1
"""Owners of pixels that belong to no digit: paper, and marks such as points, dashes and printed lines."""

WHOLE, BROKEN = 0.85, 0.7
"""A segment is one digit if it has at least the first share of the digit's ink and hardly any other ink. Below the
second share it is none."""


SWALLOWED = 0.5
"""A segment with more than this share of a second digit's ink is not one digit."""


@dataclass(frozen=True)
class Row:
    """A written row: page uint8 (h, w), dark on light; owners int16 (h, w), i + 2 where digit i is; its labels in
    order."""

    page: np.ndarray
    owners: np.ndarray
    labels: tuple[int, ...]


def write_row(images: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> Row:
    """Write one to seven digits in one style, with the points, dashes and paper of amounts.

    images: uint8 (n, 28, 28), MNIST's training images; labels: (n,).
    """
    body = int(rng.integers(18, 60))
    count = int(rng.choice([1, 2, 3, 4, 5, 6, 7], p=[0.1, 0.18, 0.2, 0.2, 0.16, 0.1, 0.06]))
    pen = int(rng.integers(2**32))
    drawn, nib = rng.random() < 0.35, rng.uniform(0.03, 0.16)
    tight = rng.random() < 0.5
    marked = rng.random() < 0.5
    ink = np.zeros((body * 2, round(body * (1.3 * count + 4))), np.float32)
    owners = np.zeros(ink.shape, np.int16)
    x, gap, slope, drift = float(body), 0.0, rng.normal(0, 0.03), 0.0
    # Amounts end in zeros, which people often write small and joined.
    zeros = int(rng.integers(2, 5)) if count > 2 and rng.random() < 0.35 else 0
    small, joined = rng.uniform(0.55, 1.05), rng.random() < 0.5
    chosen: list[int] = []
    for place in range(count):
        ending = place >= count - zeros
        index = int(rng.choice(np.flatnonzero(labels == 0)) if ending else rng.integers(len(labels)))
        label = int(labels[index])
        chosen.append(label)
        if drawn:
            shape = draw_digit(label, 50, rng, nib)
        else:
            shape = redraw(bend(images[index].astype(np.float32) / 255, rng, 0.5), np.random.default_rng(pen))
        shape = scaled(trimmed(shape), body * (small if ending else 1.0) * float(np.exp(rng.normal(0, 0.1))))
        drift = 0.6 * drift + rng.normal(0, 0.05)
        y = body * (1.45 + drift + slope * place) - shape.shape[0]
        lay(ink, owners, shape, x, y, place + 2)
        if ending and joined and place > count - zeros:
            _join(ink, owners, (x - body * gap, x + shape.shape[1] / 2), y + 0.15 * shape.shape[0], body, rng)
        x += shape.shape[1]
        if marked and place < count - 1 and rng.random() < 0.3:
            x += body * rng.uniform(0.02, 0.15)
            x += _lay_mark(ink, owners, point(body, rng), x, body * 1.45, rng)
        close = ending or (tight and rng.random() < 0.6)
        gap = rng.uniform(-0.22, 0.12) if close else rng.uniform(0.05, 0.45)
        x += body * gap
    if marked and rng.random() < 0.6:
        for make in [point, dash, dash][: int(rng.integers(1, 3))] if rng.random() < 0.5 else [dash]:
            x += body * rng.uniform(0.05, 0.4)
            x += _lay_mark(ink, owners, make(body, rng), x, body * rng.uniform(1.0, 1.45), rng)
    if marked and rng.random() < 0.15:
        sign = scaled(letter(rng), body)
        lay(ink, owners, sign, 1, body * 0.45, MARK)
    if rng.random() < 0.5:
        # One person's slant is the same in the whole row.
        ink, owners = _slanted(ink, owners, rng.normal(0.05, 0.18))
    right = min(ink.shape[1], round(x + body * 0.5))
    edge = round(body * rng.uniform(0.05, 0.9)) if marked else 0
    ink, owners = ink[:, edge:right], owners[:, edge:right]
    top, bottom = round(body * rng.uniform(0, 0.3)), ink.shape[0] - round(body * rng.uniform(0, 0.35))
    page, owners = on_paper(ink[top:bottom], owners[top:bottom], rng)
    return Row(page, owners, tuple(chosen))


def cut_runs(row: Row) -> tuple[list[np.ndarray], list[int]]:
    """Cut a row as the reader does; return the frame of each segment, and its label: the digit, or 10 for none.

    Segments that are neither clearly one digit nor clearly none are left out.
    """
    frames: list[np.ndarray] = []
    answers: list[int] = []
    ink = find_ink(row.page)
    totals = np.bincount(row.owners.ravel(), minlength=len(row.labels) + 2).astype(np.float32)
    for line in find_lines(ink) if ink is not None else []:
        pieces = cut(line)
        shares = _ink_by_owner(line, pieces, row)
        for segment in segments_of(line, pieces):
            own = shares[segment.first : segment.last].sum(axis=0)
            best = 2 + int(own[2:].argmax())
            parts = own[2:] / np.maximum(totals[2:], 1.0)
            whole, pure = parts[best - 2], own[best] / max(own.sum(), 1.0)
            # A thin 1 has little ink beside an 8, but the two are still not one digit.
            swallowed = (np.delete(parts, best - 2) > SWALLOWED).any()
            if whole >= WHOLE and pure >= WHOLE and not swallowed:
                frames.append(segment.frame)
                answers.append(row.labels[best - 2])
            elif whole < BROKEN or pure < BROKEN or swallowed:
                frames.append(segment.frame)
                answers.append(NOT_A_DIGIT)
    return frames, answers


def owners_in(line: Line, row: Row) -> np.ndarray:
    """Return the owner of each pixel of a line: int16 (h, w)."""
    height, width = line.strength.shape
    across, down = line.to_page(np.arange(width) + 0.5, np.arange(height)[:, None] + 0.5)
    y = np.clip(np.round(down - 0.5).astype(int), 0, row.page.shape[0] - 1)
    x = np.clip(np.round(across - 0.5).astype(int), 0, row.page.shape[1] - 1)
    return np.where(line.strength > 0.3, row.owners[y, x], PAPER)


def _ink_by_owner(line: Line, pieces: Pieces, row: Row) -> np.ndarray:
    """Count the page pixels of ink in each piece by owner: float32 (pieces, owners)."""
    owners, width = owners_in(line, row), line.strength.shape[1]
    counts = np.empty((len(pieces), len(row.labels) + 2), np.float32)
    for piece in range(len(pieces)):
        inside = between(width, pieces.columns[piece], pieces.columns[piece + 1])
        counts[piece] = np.bincount(owners[inside], minlength=counts.shape[1])
    counts[:, PAPER] = 0
    return counts * line.scale**2


def trimmed(ink: np.ndarray) -> np.ndarray:
    """Crop ink float32 (h, w) to its solid part."""
    solid = ink > 0.15
    rows, columns = np.flatnonzero(solid.any(axis=1)), np.flatnonzero(solid.any(axis=0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] if rows.size else ink


def scaled(ink: np.ndarray, side: float) -> np.ndarray:
    """Scale ink float32 (h, w) to a longer side in pixels."""
    scale = side / max(ink.shape)
    size = (max(1, round(ink.shape[1] * scale)), max(1, round(ink.shape[0] * scale)))
    return np.clip(cv2.resize(ink, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR), 0, 1)


def lay(ink: np.ndarray, owners: np.ndarray, shape: np.ndarray, x: float, y: float, owner: int) -> None:
    """Draw a shape of ink on a page, cropped at its edge; its solid pixels get the owner."""
    left, top = max(0, round(x)), max(0, round(y))
    place = ink[top : top + shape.shape[0], left : left + shape.shape[1]]
    shape = shape[: place.shape[0], : place.shape[1]]
    if not shape.size:
        return
    stronger = (shape > place) & (shape > 0.15)
    owners[top : top + shape.shape[0], left : left + shape.shape[1]][stronger] = owner
    np.maximum(place, shape, out=place)


def _join(
    ink: np.ndarray, owners: np.ndarray, ends: tuple[float, float], y: float, body: int, rng: np.random.Generator
) -> None:
    """Draw the stroke that joins one zero to the next."""
    nib, height = max(1, round(body * rng.uniform(0.04, 0.1))), round(0.3 * body)
    out = np.zeros((height, max(3, round(ends[1] - ends[0]))), np.uint8)
    middle = (out.shape[1] // 2, height // 2)
    cv2.ellipse(
        out, middle, (out.shape[1] // 2, round(height * rng.uniform(0.1, 0.4))), 0, 0, 180, 255, nib, cv2.LINE_AA
    )
    lay(ink, owners, out.astype(np.float32) / 255, ends[0], y - height / 2, MARK)


def _lay_mark(
    ink: np.ndarray, owners: np.ndarray, shape: np.ndarray, x: float, base: float, rng: np.random.Generator
) -> float:
    y = base - shape.shape[0] * rng.uniform(0.3, 1.0)
    lay(ink, owners, shape, x, y, MARK)
    return float(shape.shape[1])


def point(body: int, rng: np.random.Generator) -> np.ndarray:
    """Draw a point, or a comma up to half as long as a 1 is tall."""
    nib = max(2, round(body * rng.uniform(0.06, 0.16)))
    length = body * (rng.uniform(0.15, 0.5) if rng.random() < 0.5 else 0)
    out = np.zeros((round(length) + nib + 2, round(0.5 * length) + nib + 2), np.uint8)
    ends = (out.shape[1] - nib // 2 - 1, nib // 2 + 1), (nib // 2 + 1, out.shape[0] - nib // 2 - 1)
    cv2.line(out, *ends, 255, nib, cv2.LINE_AA)
    return out.astype(np.float32) / 255


def dash(body: int, rng: np.random.Generator) -> np.ndarray:
    """Draw one dash, or two above each other, level or rising."""
    nib = max(2, round(body * rng.uniform(0.05, 0.12)))
    length, rise = round(body * rng.uniform(0.3, 1.1)), round(body * rng.uniform(-0.05, 0.35))
    strokes = 2 if rng.random() < 0.35 else 1
    apart = round(body * rng.uniform(0.15, 0.35))
    out = np.zeros((abs(rise) + nib + 2 + apart * (strokes - 1), length + nib + 2), np.uint8)
    for stroke in range(strokes):
        y = nib // 2 + 1 + apart * stroke
        ends = (nib // 2 + 1, y + max(rise, 0)), (length, y + max(-rise, 0))
        cv2.line(out, *ends, 255, nib, cv2.LINE_AA)
    return out.astype(np.float32) / 255


def _slanted(ink: np.ndarray, owners: np.ndarray, shear: float) -> tuple[np.ndarray, np.ndarray]:
    height, width = ink.shape
    matrix = np.array([[1, -shear, shear * height / 2], [0, 1, 0]], np.float32)
    return (
        cv2.warpAffine(ink, matrix, (width, height)),
        cv2.warpAffine(owners, matrix, (width, height), flags=cv2.INTER_NEAREST),
    )


def on_paper(ink: np.ndarray, owners: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Put ink on white, or on a cheque's paper: printed waves, a ruled line, grain, a scanner's blur."""
    if rng.random() < 0.45:
        return np.round(255 * (1 - ink)).astype(np.uint8), owners
    height, width = ink.shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    paper = np.full(ink.shape, rng.uniform(0.55, 0.95), np.float32)
    paper *= 1 - rng.uniform(0, 0.15) * x / width
    for _ in range(int(rng.integers(0, 4))):
        paper *= 1 - rng.uniform(0.03, 0.22) * waves(x, y, rng)
    if rng.random() < 0.4:
        level = round(height * (rng.uniform(0.85, 0.97) if rng.random() < 0.75 else rng.uniform(0.02, 0.12)))
        tilt = round(height * rng.normal(0, 0.02))
        rule = np.zeros(ink.shape, np.uint8)
        cv2.line(rule, (0, level), (width, level + tilt), 255, int(rng.integers(1, 3)), cv2.LINE_AA)
        rule_ink = rule.astype(np.float32) / 255 * rng.uniform(0.3, 0.9)
        owners = np.where((rule_ink > 0.3) & (owners == PAPER), MARK, owners).astype(np.int16)
        paper *= 1 - rule_ink
    darkness = rng.uniform(0.35, 0.9)
    page: np.ndarray = paper * (1 - darkness * ink)
    page = cv2.GaussianBlur(page, (0, 0), rng.uniform(0.4, 1.1))
    page = page + rng.normal(0, rng.uniform(0.003, 0.03), page.shape)
    return np.round(255 * np.clip(page, 0, 1)).astype(np.uint8), owners


def waves(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw fine parallel lines, straight, wavy or round, as on security paper: float32 (h, w) from 0 to 1."""
    period = rng.uniform(4, 12)
    angle = rng.uniform(0, np.pi)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    kinds: list[Callable[[], np.ndarray]] = [
        lambda: across,
        lambda: across + rng.uniform(2, 10) * np.sin(along / rng.uniform(8, 30)),
        lambda: np.hypot(x - rng.uniform(-50, 400), y - rng.uniform(-100, 200)),
    ]
    phase = kinds[int(rng.integers(len(kinds)))]()
    return np.asarray(np.clip(2.5 * np.sin(2 * np.pi * phase / period) - 1.2, 0, 1), np.float32)
