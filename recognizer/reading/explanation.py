"""A picture of each stage of a reading: page, ink, pieces, lattice, frames, answer."""

import cv2
import numpy as np

from .classifier import NOT_A_DIGIT
from .ctc import Text
from .cuts import Pieces
from .lattice import GREY, Edge, Hypotheses
from .lines import Line
from .occlusion import glow, occlusion
from .page import BESIDE, CLASSES, HANDWRITING, PAPER, PRINT, Page
from .reader import Reader, Reading, ReadLine

WIDTH = 900
"""Width of the picture, in pixels."""

TILE = 56
"""Side of a segment's frame as drawn, in pixels."""

MAX_LINES = 6
"""Lines that are drawn. More would make the picture too long to scroll through."""

LAYER = 512
"""Longest side of the mask layer, in pixels."""

TINTS = {
    PAPER: (255, 255, 255, 0),
    HANDWRITING: (70, 150, 20, 200),
    PRINT: (40, 40, 220, 200),
    BESIDE: (210, 140, 40, 170),
}

INK, QUIET, CHOSEN = (40, 36, 32), (140, 134, 128), (200, 70, 44)


def explain(reader: Reader, page: np.ndarray) -> bytes:
    """Draw how a page was read, as PNG. page: uint8 (height, width)."""
    trace = reader.trace(page)
    reading = reader.reading_of(trace)
    rows = [_titled("page", _fitted(cv2.cvtColor(page, cv2.COLOR_GRAY2BGR), 320))]
    if trace.seen is not None:
        laid = page[..., None] * np.ones(3, np.float32)
        layer = cv2.resize(tinted(trace.seen), page.shape[::-1]).astype(np.float32)
        share = layer[..., 3:] / 255
        laid += share * (layer[..., :3] - laid)
        title = "what the page network sees: handwriting green, print red, beside the paper blue"
        rows.append(_titled(title, _fitted(laid.astype(np.uint8), 320)))
    if trace.ink is not None:
        strength = np.round(255 * (1 - trace.ink.strength)).astype(np.uint8)
        rows.append(_titled("ink", _fitted(cv2.cvtColor(strength, cv2.COLOR_GRAY2BGR), 320)))
    for number, read in enumerate(trace.lines[:MAX_LINES], start=1):
        rows += _line_rows(reader, read, number)
    rows.append(_titled(_answer(reading), np.full((1, WIDTH, 3), 255, np.uint8)))
    done, encoded = cv2.imencode(".png", np.vstack(rows))
    if not done:
        raise ValueError("the picture could not be encoded")
    return encoded.tobytes()


def mask_layer(reader: Reader, page: np.ndarray) -> bytes:
    """Draw the page network's mask as a PNG layer to put over the page, transparent on paper.

    page: uint8 (height, width). The layer has the page's proportions.
    """
    layer = tinted(reader.page_network.see(page))
    scale = min(1.0, LAYER / max(page.shape))
    size = max(1, round(page.shape[1] * scale)), max(1, round(page.shape[0] * scale))
    done, encoded = cv2.imencode(".png", cv2.resize(layer, size, interpolation=cv2.INTER_LINEAR))
    if not done:
        raise ValueError("the layer could not be encoded")
    return encoded.tobytes()


def tinted(seen: Page) -> np.ndarray:
    """Tint all classes but paper, with their probability as opacity: uint8 (h, w, 4), BGRA."""
    scale = LAYER / max(seen.whole)
    size = max(1, round(seen.whole[1] * scale)), max(1, round(seen.whole[0] * scale))
    masks = cv2.resize(seen.overview, size, interpolation=cv2.INTER_LINEAR)
    x, y, right, bottom = (round(scale * v) for v in (seen.x, seen.y, seen.x + seen.width, seen.y + seen.height))
    part = masks[y:bottom, x:right]
    if part.size:
        part[:] = cv2.resize(seen.masks, part.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    tints = np.array([TINTS[kind] for kind in range(CLASSES)], np.float32)
    return np.asarray(np.clip(masks @ tints, 0, 255), np.uint8)


def _line_rows(reader: Reader, read: ReadLine, number: int) -> list[np.ndarray]:
    path = read.path
    chosen = {(edge.segment.first, edge.segment.last): edge for edge in (*path.digits, *path.others)}
    rows = [_titled(f"line {number}: pieces between {len(read.pieces) - 1} cuts", _pieces(read.line, read.pieces))]
    tiles = []
    for segment, probabilities in zip(read.segments, read.probabilities, strict=True):
        edge = chosen.get((segment.first, segment.last))
        best = np.argsort(-probabilities)[:2]
        words = [f"{'none' if label == NOT_A_DIGIT else label} {probabilities[label]:.0%}" for label in best]
        pieces = f"{segment.first + 1}" if segment.last == segment.first + 1 else f"{segment.first + 1}-{segment.last}"
        tiles.append(_tile(glow(segment.frame, np.zeros_like(segment.frame)), [pieces, *words], edge))
    rows.append(_titled("lattice: segments with the classifier's probabilities, and the chosen path", _grid(tiles)))
    rows.append(_titled(_texts(path.hypotheses), np.full((1, WIDTH, 3), 255, np.uint8)))
    heat = [
        _tile(glow(e.segment.frame, occlusion(reader.classifier, e.segment.frame, e.label)), [f"{e.label}"], e)
        for e in path.digits
    ]
    if heat:
        rows.append(_titled("frames, orange where the strokes decided the answer", _grid(heat)))
    return rows


def _pieces(line: Line, pieces: Pieces) -> np.ndarray:
    scale = min(6.0, (WIDTH - 20) / line.strength.shape[1], 160 / line.strength.shape[0])
    size = (max(1, round(line.strength.shape[1] * scale)), max(1, round(line.strength.shape[0] * scale)))
    grey = np.round(255 * (1 - cv2.resize(line.strength, size, interpolation=cv2.INTER_LINEAR))).astype(np.uint8)
    picture = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
    for seam in pieces.columns[1:-1]:
        points = np.stack([seam * scale, (np.arange(len(seam)) + 0.5) * scale], axis=1)
        cv2.polylines(picture, [np.round(points).astype(np.int32)], False, CHOSEN, 1, cv2.LINE_AA)
    return picture


def _tile(frame: np.ndarray, words: list[str], edge: Edge | None) -> np.ndarray:
    tile = np.full((TILE + 14 * len(words) + 8, TILE + 24, 3), 255, np.uint8)
    tile[4 : 4 + TILE, 4 : 4 + TILE] = cv2.resize(frame, (TILE, TILE), interpolation=cv2.INTER_NEAREST)
    colour = QUIET
    if edge is not None:
        colour = CHOSEN if edge.label != NOT_A_DIGIT else INK
        cv2.rectangle(tile, (2, 2), (TILE + 5, TILE + 5), colour, 2)
    for row, word in enumerate(words):
        _write(tile, word, 4, TILE + 16 + 14 * row, 0.36, colour)
    return tile


def _grid(tiles: list[np.ndarray]) -> np.ndarray:
    if not tiles:
        return np.full((1, WIDTH, 3), 255, np.uint8)
    across = WIDTH // tiles[0].shape[1]
    rows = []
    for start in range(0, len(tiles), across):
        row = np.hstack(tiles[start : start + across])
        rows.append(cv2.copyMakeBorder(row, 0, 0, 0, WIDTH - row.shape[1], cv2.BORDER_CONSTANT, value=(255,) * 3))
    return np.vstack(rows)


def _fitted(picture: np.ndarray, most: int) -> np.ndarray:
    scale = min(4.0, (WIDTH - 20) / picture.shape[1], most / picture.shape[0])
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST)


def _titled(title: str, picture: np.ndarray) -> np.ndarray:
    out = np.full((picture.shape[0] + 34, WIDTH, 3), 255, np.uint8)
    _write(out, title, 8, 20, 0.45, INK)
    place = out[28 : 28 + picture.shape[0], 8 : 8 + picture.shape[1]]
    place[:] = picture[:, : place.shape[1]]
    return out


def _write(picture: np.ndarray, words: str, x: int, y: int, size: float, colour: tuple[int, int, int]) -> None:
    cv2.putText(picture, words, (x, y), cv2.FONT_HERSHEY_SIMPLEX, size, colour, 1, cv2.LINE_AA)


def _texts(hypotheses: Hypotheses) -> str:
    """Name the texts of the lattice and of the line reader or grey reader."""
    lattice = f"lattice: {_joined(hypotheses.lattice_text)}"
    if hypotheses.ctc_text is None:
        return lattice
    reader = "grey reader" if hypotheses.chosen_by == GREY else "line reader"
    differ = "they differ" if hypotheses.differ else "they agree"
    return f"{lattice}, {reader}: {_joined(hypotheses.ctc_text)} ({differ})"


def _joined(text: Text) -> str:
    return "".join(str(digit) for digit in text) or "nothing"


def _answer(reading: Reading) -> str:
    if reading.reason is not None:
        return f"answer: none ({reading.reason.value.replace('_', ' ')})"
    return f"answer: {reading.text.replace(chr(10), ' / ')} ({reading.confidence:.0%})"
