"""Numbers composed of the pen data's digits: on white for evaluation and calibration, on any paper for training."""

from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np

from .augmentation import bend, disc
from .negatives import letter
from .pen import PEN_PATH
from .rows import dash, lay, on_paper, point, scaled, trimmed
from .strokes import SCHOOLS, catmull_rom, strokes_of

PAPER, MARK, FIRST = 0, 1, 2
"""Owners of pixels: paper, marks that are no digit, the first digit; further digits follow."""

BLENDED, FOOTED = 0.4, 0.2
"""Share of pen digits interpolated with another writer's; share of 1s with an added base line. In training only."""

MAX_APART = 0.3
"""Digits are interpolated if their strokes are at most so far apart on average, in digit heights."""

Stroke = np.ndarray
"""Points float32 (n, 2) of (x, y), y downwards."""


@dataclass(frozen=True)
class Hands:
    """Digits to compose numbers of.

    pens: for each writer and label, digits as strokes 1.0 high. images: for each label, uint8 (n, 28, 28) as in MNIST.
    """

    pens: dict[int, dict[int, list[list[Stroke]]]]
    images: dict[int, np.ndarray]


@dataclass(frozen=True)
class Number:
    """A number written on a page, uint8 (h, w).

    owners: uint8 (h, w), which digit each pixel's ink belongs to, digits in order.
    """

    page: np.ndarray
    owners: np.ndarray
    digits: tuple[int, ...]


@dataclass(frozen=True)
class Manner:
    """What is constant in one person's row: the pen, the slant, and the source of the digits."""

    source: str
    writer: int
    nib: float
    shear: float
    aspect: float
    wobble: float
    flat: float
    """How much thinner horizontal strokes are than vertical ones, as with a dip pen."""
    swell: int
    """Pixels by which MNIST's strokes are thickened on an 80 pixel canvas; thinned if negative."""
    varied: bool = False
    """Whether pen digits may be interpolated and 1s get a base line."""


def load_hands(writers: range, images: np.ndarray, labels: np.ndarray) -> Hands:
    """Load the strokes of some writers, and add images uint8 (n, 28, 28) with labels (n,)."""
    by_label = {label: images[labels == label] for label in range(10)}
    return Hands({writer: digits for writer, digits in _pens().items() if writer in writers}, by_label)


@lru_cache
def _pens() -> dict[int, dict[int, list[list[Stroke]]]]:
    with np.load(PEN_PATH) as arrays:
        points, starts, digits = arrays["points"].astype(np.float32), arrays["stroke_starts"], arrays["digit_starts"]
        labels, writers = arrays["labels"], arrays["writers"]
    strokes = np.split(points, starts[1:])
    ends = [*digits[1:], len(strokes)]
    pens: dict[int, dict[int, list[list[Stroke]]]] = {}
    for first, last, label, writer in zip(digits, ends, labels, writers, strict=True):
        own = strokes[first:last]
        height = max(float(np.concatenate(own)[:, 1].max()), 1.0)
        pens.setdefault(int(writer), {}).setdefault(int(label), []).append([stroke / height for stroke in own])
    return pens


def touching(hands: Hands, rng: np.random.Generator) -> Number:
    """Write two to seven digits in one writer's style on white, most of them touching the one before."""
    body = int(rng.integers(30, 64))
    digits = tuple(int(digit) for digit in rng.integers(0, 10, rng.integers(2, 8)))
    manner = replace(manner_of(hands, rng), source="pen", flat=1.0)
    shapes = [_shaped(_digit(hands, label, manner, rng), body, rng) for label in digits]
    gaps = np.where(rng.random(len(digits)) < 0.75, rng.normal(-0.03, 0.04, len(digits)), 0.12) * body
    ink, owners = _row(shapes, body, gaps, rng)
    x, y, width, height = cv2.boundingRect((owners >= FIRST).astype(np.uint8))
    edge = body // 3
    inside = np.s_[max(0, y - edge) : y + height + edge, max(0, x - edge) : x + width + edge]
    return Number(np.round(255 * (1 - ink[inside])).astype(np.uint8), owners[inside], digits)


def single(hands: Hands, rng: np.random.Generator) -> Number:
    """Write one digit in one writer's style on white."""
    body, digit = int(rng.integers(30, 120)), int(rng.integers(0, 10))
    manner = replace(manner_of(hands, rng), source="pen", flat=1.0, wobble=0.0)
    shape = scaled(_digit(hands, digit, manner, rng), body)
    edges = [(int(before), int(after)) for before, after in rng.integers(6, body, (2, 2))]
    ink = np.pad(shape, edges)
    return Number(np.round(255 * (1 - ink)).astype(np.uint8), FIRST * (ink > 0.15).astype(np.uint8), (digit,))


def pen_digit(hands: Hands, label: int, rng: np.random.Generator) -> np.ndarray:
    """Draw one digit of a pen writer with any nib and slant: float32 ink, trimmed, some 50 pixels high."""
    return _digit(hands, label, replace(manner_of(hands, rng), source="pen", varied=True), rng)


COUNTS = np.array([0.07, 0.21, 0.17, 0.18, 0.16, 0.12, 0.09])
"""Probability of one to seven digits in a training number."""


def written(hands: Hands, rng: np.random.Generator) -> Number:
    """Write one to seven digits as on cheques, in ledgers and on white.

    Tight or loose, with points, dashes, small final zeros and ruled lines below, on paper that is faded, printed,
    grainy or blurred.
    """
    body = int(rng.integers(36, 60))
    digits = rng.integers(0, 10, 1 + rng.choice(len(COUNTS), p=COUNTS))
    if len(digits) > 2 and rng.random() < 0.3:
        digits[-int(rng.integers(2, min(4, len(digits) - 1) + 1)) :] = 0
    ending = len(digits) - len(np.trim_zeros(digits, "b")) if rng.random() < 0.7 else 0
    small = float(rng.uniform(0.5, 1.0))
    manner = replace(manner_of(hands, rng), varied=True)
    shapes = [_shaped(_digit(hands, int(label), manner, rng), body, rng) for label in digits]
    if ending > 1:
        shapes[-ending:] = [scaled(shape, small * max(shape.shape)) for shape in shapes[-ending:]]
    gaps = _gaps(len(digits), ending, rng) * body
    ink, owners = _row(shapes, body, gaps, rng)
    if rng.random() < 0.45:
        _mark(ink, owners, len(digits), body, manner.nib, rng)
    ink, owners = _cropped(ink, owners, body, rng)
    tall = float(np.exp(rng.uniform(np.log(15), np.log(60))))
    size = max(8, round(ink.shape[1] * tall / body)), max(8, round(ink.shape[0] * tall / body))
    ink = np.clip(cv2.resize(ink, size, interpolation=cv2.INTER_AREA if tall < body else cv2.INTER_LINEAR), 0, 1)
    owners = cv2.resize(owners, size, interpolation=cv2.INTER_NEAREST)
    if rng.random() < 0.35:
        ink = _pressed(ink, tall, rng)
    page, owners = on_paper(ink, owners.astype(np.int16), rng)
    if rng.random() < 0.3:
        _, encoded = cv2.imencode(".jpg", page, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(20, 90))])
        page = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE), np.uint8)
    return Number(page, owners.astype(np.uint8), tuple(int(digit) for digit in digits))


def _gaps(count: int, ending: int, rng: np.random.Generator) -> np.ndarray:
    """Choose the gap before each digit, in digit heights: most touch, or are tight, or loose; small zeros overlap."""
    match str(rng.choice(["touching", "tight", "loose"], p=[0.42, 0.23, 0.35])):
        case "touching":
            gaps = np.where(rng.random(count) < 0.75, rng.normal(-0.03, 0.04, count), 0.12)
        case "tight":
            gaps = rng.normal(0.04, 0.06, count)
        case _:
            gaps = rng.uniform(0.06, 0.5) + rng.normal(0, 0.06, count)
    if ending > 1 and rng.random() < 0.6:
        gaps[-ending + 1 :] = rng.normal(-0.04, 0.05, ending - 1)
    return np.asarray(gaps)


def _mark(ink: np.ndarray, owners: np.ndarray, count: int, body: int, nib: float, rng: np.random.Generator) -> None:
    """Add points and commas between digits, dashes and more after them, a letter before, a ruled line below."""
    left, top, width, height = cv2.boundingRect((owners >= FIRST).astype(np.uint8))
    right, low = left + width, top + height
    for place in range(1, count):
        thousands = (count - place) in (2, 3)
        if rng.random() < (0.3 if thousands else 0.06):
            edge = np.flatnonzero((owners == FIRST + place - 1).any(axis=0))
            if edge.size:
                x = edge[-1] + body * float(rng.uniform(-0.12, 0.1))
                shape = point(body, rng)
                lay(ink, owners, shape, x, low - shape.shape[0] * float(rng.uniform(0.3, 1.0)), MARK)
    x = right + body * float(rng.uniform(0.02, 0.4))
    for _ in range(int(rng.choice([0, 1, 2], p=[0.45, 0.4, 0.15]))):
        shape = dash(body, rng) if rng.random() < 0.6 else point(body, rng)
        y = low - body * float(rng.uniform(0.0, 0.6)) if rng.random() < 0.5 else low - shape.shape[0]
        lay(ink, owners, shape, x, y, MARK)
        x += shape.shape[1] + body * float(rng.uniform(0.05, 0.3))
    if rng.random() < 0.06:
        sign = scaled(letter(rng), body)
        lay(ink, owners, sign, max(0, left - sign.shape[1] - body * rng.uniform(0.1, 0.5)), low - sign.shape[0], MARK)
    if rng.random() < 0.3:
        start = left + width * rng.uniform(-0.2, 0.4), low + body * rng.uniform(-0.05, 0.35)
        end = right + body * rng.uniform(-0.3, 0.6), start[1] + body * rng.normal(0, 0.1)
        middle = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2 + body * rng.normal(0, 0.06)
        wide = max(1, round(body * nib * float(rng.uniform(0.6, 1.4))))
        _draw(ink, owners, catmull_rom(np.array([start, middle, end], np.float32)), wide)


def _cropped(ink: np.ndarray, owners: np.ndarray, body: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Crop a row with a small or large margin."""
    x, y, width, height = cv2.boundingRect((owners > PAPER).astype(np.uint8))
    above, below, before, after = (round(body * edge) for edge in rng.uniform(0.03, 0.7, 4))
    left, top = max(0, x - before), max(0, y - above)
    inside = np.s_[top : y + height + below, left : x + width + after]
    return ink[inside], owners[inside]


def _pressed(ink: np.ndarray, tall: float, rng: np.random.Generator) -> np.ndarray:
    """Vary the pressure of the pen: strokes fade and skip."""
    size = tuple(max(2, round(side / (tall * rng.uniform(0.15, 0.8)))) for side in ink.shape[::-1])
    coarse = rng.uniform(0, 1, size[::-1]).astype(np.float32)
    pressure = 1 - rng.uniform(0.2, 0.8) * cv2.resize(coarse, ink.shape[::-1], interpolation=cv2.INTER_CUBIC)
    return np.clip(ink * np.clip(pressure, 0, 1), 0, 1)


def manner_of(hands: Hands, rng: np.random.Generator) -> Manner:
    """Choose a style: writer, slant, nib and what digits are drawn from."""
    return Manner(
        source=str(rng.choice(["pen", "image", "template", "all"], p=[0.44, 0.3, 0.2, 0.06])),
        writer=int(rng.choice(list(hands.pens))),
        nib=float(np.exp(rng.uniform(np.log(0.035), np.log(0.17)))),
        shear=float(np.clip(rng.normal(0.06, 0.2), -0.3, 0.6)),
        aspect=float(np.exp(rng.normal(0, 0.16))),
        wobble=float(rng.uniform(0, 0.05)),
        flat=float(rng.uniform(0.3, 0.8)) if rng.random() < 0.15 else 1.0,
        swell=int(rng.integers(-3, 6)) if rng.random() < 0.6 else 0,
    )


def _digit(hands: Hands, label: int, manner: Manner, rng: np.random.Generator) -> np.ndarray:
    """Draw a digit in a style: float32 ink, trimmed, some 50 pixels high."""
    source = str(rng.choice(["pen", "image", "template"])) if manner.source == "all" else manner.source
    if source == "image":
        images = hands.images[label]
        ink = bend(images[rng.integers(len(images))].astype(np.float32) / 255, rng, 0.5)
        if manner.swell > 0:
            ink = cv2.dilate(ink, disc(manner.swell + 1))
        elif manner.swell < 0:
            thin = cv2.erode(ink, disc(1 - manner.swell))
            ink = thin if thin.sum() > 0.4 * ink.sum() else ink
        if abs(manner.shear) > 0.05:
            shear = 0.7 * manner.shear
            matrix = np.array([[1, -shear, shear * 40 + 8], [0, 1, 0]], np.float32)
            ink = cv2.warpAffine(ink, matrix, (96, 80))
        return trimmed(ink)
    if source == "pen":
        strokes = _pen_strokes(hands, label, manner, rng)
    else:
        schools = SCHOOLS[label]
        drawn = strokes_of(schools[rng.integers(len(schools))])
        wide = rng.uniform(0.45, 0.9) if label != 1 else rng.uniform(0.3, 0.8)
        strokes = [catmull_rom(knots + rng.normal(0, 0.02, knots.shape)) * (wide, 1.0) for knots in drawn]
    return trimmed(_inked(_restyled(_warped(strokes, manner, rng), label, rng), manner))


def _pen_strokes(hands: Hands, label: int, manner: Manner, rng: np.random.Generator) -> list[Stroke]:
    """Choose one of a writer's digits; vary it if the style does."""
    writer = manner.writer if label in hands.pens[manner.writer] else int(rng.choice(list(hands.pens)))
    own = hands.pens[writer][label]
    strokes = own[int(rng.integers(len(own)))]
    if manner.varied and rng.random() < BLENDED:
        strokes = _blended(strokes, hands, label, rng)
    if manner.varied and label == 1 and rng.random() < FOOTED:
        strokes = [*strokes, _foot(strokes, rng)]
    return strokes


def styled_strokes(hands: Hands, label: int, manner: Manner, rng: np.random.Generator) -> list[Stroke]:
    """Draw one of a writer's digits in a style: strokes about 1.0 high, their upper left corner at (0, 0)."""
    strokes = _restyled(_warped(_pen_strokes(hands, label, manner, rng), manner, rng), label, rng)
    corner = np.concatenate(strokes).min(axis=0)
    return [stroke - corner for stroke in strokes]


def _blended(strokes: list[Stroke], hands: Hands, label: int, rng: np.random.Generator) -> list[Stroke]:
    """Interpolate or extrapolate a digit's strokes towards another writer's, if the two are similar."""
    theirs = hands.pens[int(rng.choice(list(hands.pens)))].get(label, [])
    other = theirs[int(rng.integers(len(theirs)))] if theirs else []
    if len(other) != len(strokes):
        return strokes
    here, there = (np.stack([_resampled(stroke) for stroke in each]) for each in (strokes, other))
    if np.linalg.norm(there - here, axis=-1).mean() > MAX_APART:
        return strokes
    return list(here + np.float32(rng.uniform(-0.25, 0.8)) * (there - here))


def _resampled(stroke: Stroke, count: int = 40) -> Stroke:
    """Take points at equal distances along a stroke."""
    steps = np.hypot(*np.diff(stroke, axis=0).T)
    length = np.concatenate([[0], np.cumsum(steps)])
    at = np.linspace(0, length[-1], count)
    return np.stack([np.interp(at, length, stroke[:, axis]) for axis in (0, 1)], axis=1).astype(np.float32)


def _foot(strokes: list[Stroke], rng: np.random.Generator) -> Stroke:
    """Make a base line for a 1, 0.2 to 1.2 digit heights wide."""
    points = np.concatenate(strokes)
    x, y = points[points[:, 1].argmax()]
    left, right = rng.uniform(0.1, 0.6, 2)
    y += rng.normal(0, 0.03)
    return np.array([[x - left, y + rng.normal(0, 0.04)], [x + right, y + rng.normal(0, 0.04)]], np.float32)


def _warped(strokes: list[Stroke], manner: Manner, rng: np.random.Generator) -> list[Stroke]:
    """Slant strokes as the style does, and distort each digit a little."""
    angle, wobble = rng.normal(0, 0.05), manner.wobble
    shear, stretch = manner.shear + rng.normal(0, 0.04), manner.aspect * np.exp(rng.normal(0, 0.07))
    phase, often = rng.uniform(0, 2 * np.pi, 4), rng.uniform(2, 6, 4)
    push = wobble * rng.normal(0, 1, 4)
    warped = []
    for points in strokes:
        x, y = points[:, 0], points[:, 1]
        x, y = (
            x + push[0] * np.sin(often[0] * y + phase[0]) + push[1] * np.sin(often[1] * x + phase[1]),
            y + push[2] * np.sin(often[2] * x + phase[2]) + push[3] * np.sin(often[3] * y + phase[3]),
        )
        x, y = x * stretch + shear * (0.5 - y), y + angle * x
        warped.append(np.stack([x, y], axis=1).astype(np.float32))
    return warped


def _restyled(strokes: list[Stroke], label: int, rng: np.random.Generator) -> list[Stroke]:
    """Sometimes add a stroke of another style: a bar to the 7, a foot or a hook to the 1, a slash to the 0."""
    if label not in (0, 1, 7) or rng.random() > (0.05 if label == 0 else 0.2):
        return strokes
    points = np.concatenate(strokes)
    top, low = points[points[:, 1].argmin()], points[points[:, 1].argmax()]
    if label == 7:
        y = rng.uniform(0.42, 0.62)
        near = points[np.abs(points[:, 1] - (top[1] + y * (low[1] - top[1]))) < 0.1]
        middle, reach, tilt = (near if len(near) else points).mean(axis=0), rng.uniform(0.15, 0.4), rng.normal(0, 0.06)
        extra = [middle + np.array([-reach, tilt]), middle + np.array([reach, -tilt])]
    elif label == 1:
        if rng.random() < 0.35:
            reach = rng.uniform(0.12, 0.3)
            extra = [low + np.array([-reach, 0.0]), low + np.array([reach, rng.normal(0, 0.03)])]
        else:
            reach = rng.uniform(0.1, 0.5)
            # A flag longer than it is deep makes a 7.
            extra = [top, top + np.array([-reach, min(reach * rng.uniform(1.0, 2.2), 0.9)])]
    else:
        left, right = points[:, 0].min(), points[:, 0].max()
        extra = [np.array([right, top[1]]), np.array([left, low[1]])]
    return [*strokes, np.array(extra, np.float32)]


def _inked(strokes: list[Stroke], manner: Manner) -> np.ndarray:
    points = np.concatenate(strokes)
    scale, width = 44.0, max(1, round(44 * manner.nib))
    margin = width + 2
    low = points.min(axis=0)
    size = np.ceil((points.max(axis=0) - low) * scale).astype(int) + 2 * margin
    out = np.zeros((size[1], size[0]), np.uint8)
    for stroke in strokes:
        pixels = np.round(((stroke - low) * scale + margin) * 16).astype(np.int32)
        if manner.flat == 1.0 or len(pixels) < 2:
            cv2.polylines(out, [pixels], False, 255, width, cv2.LINE_AA, 4)
            continue
        steps = np.diff(stroke, axis=0)
        upright = np.abs(steps[:, 1]) / np.maximum(np.hypot(steps[:, 0], steps[:, 1]), 1e-6)
        nibs = np.maximum(1, np.round(width * (manner.flat + (1 - manner.flat) * upright))).astype(int)
        for start, end, nib in zip(pixels.tolist(), pixels[1:].tolist(), nibs.tolist(), strict=False):
            cv2.line(out, start, end, 255, nib, cv2.LINE_AA, 4)
    return out.astype(np.float32) / 255


def _shaped(ink: np.ndarray, body: int, rng: np.random.Generator) -> np.ndarray:
    tall = body * float(np.exp(rng.normal(0, 0.09)))
    wide = tall / ink.shape[0]
    # A digit wider than high is limited by its width.
    wide = min(wide, 1.6 * body / ink.shape[1])
    size = max(1, round(ink.shape[1] * wide)), max(1, round(ink.shape[0] * wide))
    how = cv2.INTER_AREA if wide < 1 else cv2.INTER_LINEAR
    return np.clip(cv2.resize(ink, size, interpolation=how), 0, 1)


def _row(
    shapes: list[np.ndarray], body: int, gaps: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Place shapes beside one another.

    gaps: the space before each, where the two shapes are nearest. Returns ink and owners.
    """
    rng.random(2)  # Unused, but drawn: without them the random numbers of the fixed sets would change.
    base = 2.0 * body
    width = round(sum(shape.shape[1] for shape in shapes) + np.maximum(gaps, 0).sum() + 5 * body)
    ink, owners = np.zeros((round(3.4 * body), width), np.float32), np.zeros((round(3.4 * body), width), np.uint8)
    slope, drift = rng.normal(0, 0.025), 0.0
    joined = rng.random() < 0.15
    nib = max(1, round(body * rng.uniform(0.03, 0.1)))
    placed: list[tuple[int, int, np.ndarray]] = []
    for place, shape in enumerate(shapes):
        drift = 0.6 * drift + rng.normal(0, 0.045)
        y = max(0, round(base + body * drift - shape.shape[0]))
        x = _beside(placed[-1], y, shape, gaps[place]) if placed else round(1.5 * body)
        if placed and joined and rng.random() < 0.6:
            _join(ink, owners, placed[-1], (x, y, shape), nib, rng)
        base += slope * shape.shape[1]
        lay(ink, owners, shape, x, y, FIRST + place)
        placed.append((x, y, shape))
    return ink, owners


def _beside(last: tuple[int, int, np.ndarray], y: int, ink: np.ndarray, gap: float) -> int:
    """Find the column at which the smallest distance to the last digit is `gap`."""
    x0, y0, other = last
    top, bottom = max(y0, y), min(y0 + other.shape[0], y + ink.shape[0])
    right = x0 + other.shape[1]
    if bottom - top < 3:
        return round(right + gap)
    ends = np.where(other > 0.3, np.arange(1, other.shape[1] + 1), -1000).max(axis=1)[top - y0 : bottom - y0]
    starts = np.where(ink > 0.3, np.arange(ink.shape[1]), 1000).min(axis=1)[top - y : bottom - y]
    # Nearby rows count too: pens have a width.
    ends = np.maximum(ends, np.maximum(np.r_[ends[1:], -1000], np.r_[-1000, ends[:-1]]))
    nearest = float((x0 + ends - starts).max())
    x = nearest + gap if nearest > 0 else right + gap
    # Digits are never written inside one another.
    return round(max(x, right - 0.45 * min(other.shape[1], ink.shape[1]) - 2, x0 + 2))


def _join(
    ink: np.ndarray,
    owners: np.ndarray,
    last: tuple[int, int, np.ndarray],
    following: tuple[int, int, np.ndarray],
    nib: int,
    rng: np.random.Generator,
) -> None:
    """Draw the stroke that joins one digit to the next."""

    def point(shape: tuple[int, int, np.ndarray], share: float, right: bool) -> tuple[float, float]:
        x, y, digit = shape
        row = min(digit.shape[0] - 1, int(share * digit.shape[0]))
        columns = np.flatnonzero(digit[row] > 0.3)
        if not columns.size:
            return x + digit.shape[1] / 2, y + row
        return float(x + (columns[-1] if right else columns[0])), float(y + row)

    shares = rng.uniform(0.3, 1.0), rng.uniform(0.0, 0.8)
    start, end = point(last, shares[0], True), point(following, shares[1], False)
    sag = rng.uniform(-0.1, 0.35) * abs(end[0] - start[0]) + rng.uniform(0, 3)
    middle = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2 + sag
    curve = catmull_rom(np.array([start, middle, end], np.float32))
    _draw(ink, owners, curve, nib)


def _draw(ink: np.ndarray, owners: np.ndarray, points: np.ndarray, nib: int) -> None:
    """Draw a stroke that belongs to no digit."""
    low = np.floor(points.min(axis=0)).astype(int) - nib - 2
    size = np.ceil(points.max(axis=0)).astype(int) + nib + 3 - low
    out = np.zeros((max(1, size[1]), max(1, size[0])), np.uint8)
    cv2.polylines(out, [np.round((points - low) * 16).astype(np.int32)], False, 255, nib, cv2.LINE_AA, 4)
    x, y = low
    # Cropped at the edge of the page.
    out = out[max(0, -y) :, max(0, -x) :]
    lay(ink, owners, out.astype(np.float32) / 255, max(0, x), max(0, y), MARK)
