"""Synthetic close-up photographs of one number, or of one or two form fields: the most common pictures."""

from collections.abc import Callable

import cv2
import numpy as np

from .pages import FINER, Hand, Scene, Sheet, Sources, field_of, photograph, print_word, ruled, waved

KINDS = ["boxes", "comb", "cell", "table", "underline"]


def near_scene(sources: Sources, height: int, width: int, rng: np.random.Generator) -> Scene:
    """Make one photograph, height x width pixels, of a number on paper or of filled-in fields, with or without a
    background."""
    hand = Hand(sources, rng)
    body = FINER * float(np.exp(rng.uniform(np.log(16), np.log(0.6 * min(height, width)))))
    rule = None
    if rng.random() < 0.45:
        content = numbers(hand, rng, body)
        kind, pitch = rng.random(), body * float(rng.uniform(0.3, 2.4))
        if kind > 0.4:

            def rule(sheet: Sheet) -> None:
                ruled(sheet, rng, pitch, squared=bool(kind > 0.7))

    else:
        content = fields(hand, rng, body, KINDS)
    edges = rng.random(4) < (0.0, 0.0, 0.4, 1.0)[int(rng.integers(4))]
    turn = float(rng.uniform(-12, 12) if rng.random() < 0.4 else rng.normal(0, 1.5))
    around = (1.2, 2.8) if edges.any() else (0.9, 1.7)
    strain = 0.6 if rng.random() < 0.5 else 1.0
    return taken(content, sources, rng, around, turn, edges.tolist(), rule, strain=strain, size=(height, width))


def cheque_scene(sources: Sources, rng: np.random.Generator) -> Scene:
    """Make one photograph of a number on a cheque's fine lines, cropped closely, with as few pixels as a scan."""
    body = FINER * float(np.exp(rng.uniform(np.log(14), np.log(60))))
    content = numbers(Hand(sources, rng), rng, body)
    turn, strain = float(rng.normal(0, 1)), float(rng.choice([0.6, 1.0]))
    return taken(content, sources, rng, (1.0, 1.4), turn, [False] * 4, lambda sheet: waved(sheet, rng), strain=strain)


def numbers(hand: Hand, rng: np.random.Generator, body: float) -> Sheet:
    """Write one or two lines of numbers, cropped closely."""
    lines, pitch = int(rng.choice([1, 1, 1, 1, 1, 2])), body * float(rng.uniform(1.6, 2.4))
    sheet = Sheet.blank(int(pitch * lines + 2 * body), int(8 * body))
    for line in range(lines):
        text = "".join(str(d) for d in rng.integers(0, 10, int(rng.integers(1, 5))))
        x = body * float(rng.uniform(0.5, 1.5))
        hand.write_number(sheet, text, x, 1.5 * body + pitch * line, body, float(rng.uniform(0.1, 0.3)))
        sheet.lines.append(text)
    return _cropped(sheet)


def fields(hand: Hand, rng: np.random.Generator, body: float, kinds: list[str]) -> Sheet:
    """Print and fill one or two fields, one below the other, some with a word in front."""
    lines = int(rng.choice([1, 1, 1, 2]))
    sheet = Sheet.blank(int(body * 20), int(body * 14))
    y = body
    for _ in range(lines):
        kind, tall, x = str(rng.choice(kinds)), body * float(rng.uniform(0.95, 1.4)), body
        if kind == "table" and sheet.lines:
            break
        if rng.random() < 0.3:
            x += print_word(sheet, rng, x, y + tall * 0.3, max(8, round(0.35 * tall))) + 0.4 * body
        # The lines belong to the sheet.
        field_of(sheet.part(np.s_[:, : int(x + 4.2 * body) + 2]), hand, rng, kind, x, y, body, tall)
        y += tall * float(rng.uniform(1.3, 2.0))
        if kind == "table":
            break
    return _cropped(sheet)


def _cropped(sheet: Sheet) -> Sheet:
    x, y, width, height = cv2.boundingRect(np.maximum(sheet.written, sheet.print))
    inside = np.s_[y : y + height, x : x + width]
    return sheet.part(inside)


def taken(
    content: Sheet,
    sources: Sources,
    rng: np.random.Generator,
    around: tuple[float, float],
    turn: float,
    edges: list[bool],
    rule: Callable[[Sheet], None] | None = None,
    *,
    strain: float = 1.0,
    size: tuple[int, int] | None = None,
) -> Scene:
    """Photograph the writing, rotated by some degrees.

    around: the picture's size over the writing's, minimum and maximum. edges: whether the sheet ends within the
    picture, above, right, below, left. rule: prints on the whole sheet. strain: see `photograph`. size: height and
    width of the picture, if not given by the writing.
    """
    height, width = content.ink.shape
    radians = np.deg2rad(turn)
    cos, sin = abs(np.cos(radians)), abs(np.sin(radians))
    spread = rng.uniform(*around)
    gap = 0.25 * min(height, width)
    picture = np.array([height * cos + width * sin + gap, width * cos + height * sin + gap]) * spread
    if picture.max() > 3 * picture.min():
        picture = np.maximum(picture, picture.max() / 3)
    if size is not None:
        # Widen it to the shape of the picture.
        picture = np.array(size) * float((picture / size).max())
    reach = float(np.hypot(*picture))
    near = [float(rng.uniform(0.1, 0.6)) * min(height, width) for _ in range(4)]
    above, right, below, left = (round(n if edge else reach) for n, edge in zip(near, edges, strict=True))
    sheet = content.with_margins(above, right, below, left)
    if rule is not None:
        rule(sheet)
    own = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    turned = (own - [width / 2, height / 2]) @ np.array(
        [[np.cos(radians), np.sin(radians)], [-np.sin(radians), np.cos(radians)]]
    )
    turned *= 1 + rng.normal(0, 0.02, (4, 2))
    room = np.maximum(picture[::-1] / 2 - np.abs(turned).max(axis=0), 0)
    placed = (turned + picture[::-1] / 2 + room * rng.uniform(-0.8, 0.8, 2)).astype(np.float32)
    lay = cv2.getPerspectiveTransform(own, placed)
    sides = [-left, -above, width + right, height + below]
    whole = np.array([sides[:2], [sides[2], sides[1]], sides[2:], [sides[0], sides[3]]], np.float32)
    corners = cv2.perspectiveTransform(whole[None], lay)[0]
    if size is None:
        size = max(24, round(picture[0] / FINER)), max(24, round(picture[1] / FINER))
    else:
        corners *= FINER * size[0] / picture[0]
    return photograph(sheet, sources, corners, size, rng, strain)
