"""A picture of what each stage of a reading saw: page, ink, pieces, the runs that competed, frames, answer."""

import cv2
import numpy as np

from .classifier import NOT_A_DIGIT
from .heat import glow, occlusion
from .lattice import Step
from .reader import Reader, Reading, ReadLine
from .segmentation import Line, Pieces

WIDTH = 900
"""Width of the picture, in pixels."""

TILE = 56
"""Side of a run's frame as drawn, in pixels."""

MOST_LINES = 6
"""Lines of writing that are explained; a page with more would make a picture nobody scrolls through."""

INK, QUIET, CHOSEN = (40, 36, 32), (140, 134, 128), (200, 70, 44)


def explain(reader: Reader, page: np.ndarray) -> bytes:
    """Draw how a page was read, as PNG. page: uint8 (height, width)."""
    trace = reader.trace(page)
    reading = reader.reading_of(page, trace)
    rows = [_titled("page", _fitted(cv2.cvtColor(page, cv2.COLOR_GRAY2BGR), 320))]
    if trace.ink is not None:
        strength = np.round(255 * (1 - trace.ink.strength)).astype(np.uint8)
        rows.append(_titled("ink", _fitted(cv2.cvtColor(strength, cv2.COLOR_GRAY2BGR), 320)))
    for number, read in enumerate(trace.lines[:MOST_LINES], start=1):
        rows += _line_rows(reader, read, number)
    rows.append(_titled(_answer(reading), np.full((1, WIDTH, 3), 255, np.uint8)))
    done, encoded = cv2.imencode(".png", np.vstack(rows))
    if not done:
        raise ValueError("the picture could not be encoded")
    return encoded.tobytes()


def _line_rows(reader: Reader, read: ReadLine, number: int) -> list[np.ndarray]:
    way = read.way
    chosen = {(step.run.first, step.run.last): step for step in (*way.digits, *way.others)}
    rows = [_titled(f"line {number}: pieces between {len(read.pieces) - 1} cuts", _pieces(read.line, read.pieces))]
    tiles = []
    for run, probabilities in zip(read.runs, read.probabilities, strict=True):
        step = chosen.get((run.first, run.last))
        best = np.argsort(-probabilities)[:2]
        words = [f"{'none' if label == NOT_A_DIGIT else label} {probabilities[label]:.0%}" for label in best]
        where = f"{run.first + 1}" if run.last == run.first + 1 else f"{run.first + 1}-{run.last}"
        tiles.append(_tile(glow(run.frame, np.zeros_like(run.frame)), [where, *words], step))
    rows.append(_titled("lattice: runs of pieces, what the network says of each, and the way taken", _grid(tiles)))
    heat = [
        _tile(glow(s.run.frame, occlusion(reader.classifier, s.run.frame, s.label)), [f"{s.label}"], s)
        for s in way.digits
    ]
    if heat:
        rows.append(_titled("frames, glowing where the strokes made the answer", _grid(heat)))
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


def _tile(frame: np.ndarray, words: list[str], step: Step | None) -> np.ndarray:
    tile = np.full((TILE + 14 * len(words) + 8, TILE + 24, 3), 255, np.uint8)
    tile[4 : 4 + TILE, 4 : 4 + TILE] = cv2.resize(frame, (TILE, TILE), interpolation=cv2.INTER_NEAREST)
    colour = QUIET
    if step is not None:
        colour = CHOSEN if step.label != NOT_A_DIGIT else INK
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


def _answer(reading: Reading) -> str:
    if reading.reason is not None:
        return f"answer: none ({reading.reason.value.replace('_', ' ')})"
    return f"answer: {reading.text.replace(chr(10), ' / ')} ({reading.confidence:.0%})"
