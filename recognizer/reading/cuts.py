"""A line -> pieces, cut along seams that cross as little ink as possible."""

from dataclasses import dataclass

import cv2
import numpy as np

from .lines import Line


@dataclass(frozen=True)
class Pieces:
    """A line's ink between seams: columns[i], int (h,), is seam i's column in each row; costs[i] is the ink it cuts.

    Piece i lies between seams i and i + 1; the first and the last seam are the ends of the line.
    """

    columns: np.ndarray
    costs: np.ndarray

    def __len__(self) -> int:
        return len(self.costs) - 1


def uncut(line: Line) -> Pieces:
    """Take a line's ink as one piece."""
    height, width = line.strength.shape
    return Pieces(np.array([np.zeros(height, int), np.full(height, width)]), np.zeros(2))


def cut(line: Line) -> Pieces:
    """Cut a line from top to bottom along the seams that cross the least ink.

    A seam moves at most one column per row (seam carving, Avidan and Shamir, 2007), so it follows slanted writing and
    goes around overhanging strokes. The cheapest seam through every column is found, and a seam is cut at each local
    minimum of that cost. Most cuts are wrong; the lattice chooses among them.
    """
    height, width = line.strength.shape
    down, from_above = _cheapest(line.strength)
    up, from_below = _cheapest(line.strength[::-1])
    middle = height // 2
    through = down[middle] + up[height - 1 - middle] - line.strength[middle]
    valleys = _valleys(through, line.body)
    seams = np.empty((height, len(valleys)), int)
    seams[middle] = valleys
    for row in range(middle, 0, -1):
        seams[row - 1] = seams[row] + from_above[row, seams[row]]
    for row in range(middle, height - 1):
        seams[row + 1] = seams[row] + from_below[height - 1 - row, seams[row]]
    columns, costs = [np.zeros(height, int)], [0.0]
    for column, seam in zip(valleys, seams.T, strict=True):
        # Seams may merge but not cross, so that no ink is in two pieces.
        seam = np.maximum(seam, columns[-1])
        if _ink_between(line.strength, columns[-1], seam) > 0.3 * line.body**0.5:
            columns.append(seam)
            costs.append(float(through[column]))
    if len(columns) > 1 and _ink_between(line.strength, columns[-1], np.full(height, width)) <= 0.3 * line.body**0.5:
        columns.pop()
        costs.pop()
    columns.append(np.full(height, width))
    costs.append(0.0)
    return Pieces(np.array(columns), np.array(costs))


def _cheapest(strength: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cost of the cheapest seam from the top to each pixel, and the step (-1, 0, 1) back to the row above."""
    height, width = strength.shape
    # A sideways step costs a little, so that seams over white paper are straight.
    aside = 0.01
    padded = np.full((height, width + 2), np.inf, np.float32)
    total, left, right = padded[:, 1:-1], padded[:, :-2], padded[:, 2:]
    total[0] = strength[0]
    least = np.empty(width, np.float32)
    for row in range(1, height):
        np.minimum(left[row - 1], right[row - 1], out=least)
        np.minimum(least + aside, total[row - 1], out=least)
        np.add(strength[row], least, out=total[row])
    step = np.zeros((height, width), np.int8)
    sideways = np.minimum(left, right) + aside < total
    step[1:] = np.where(sideways, np.where(left <= right, -1, 1), 0)[:-1]
    return total, step


def _valleys(cost: np.ndarray, body: float) -> list[int]:
    """Columns of local minima of the cost that cut no more than a few strokes' width."""
    reach = max(2, round(0.08 * body))
    lowest = cv2.erode(cost[None], np.ones((1, 2 * reach + 1), np.uint8))[0]
    candidates = np.flatnonzero((cost <= lowest + 1e-6) & (cost < 0.45 * body))
    columns: list[int] = []
    run: list[int] = []
    for column in candidates:
        if run and column - run[-1] > 1:
            columns.append(run[len(run) // 2])
            run = []
        run.append(int(column))
    if run:
        columns.append(run[len(run) // 2])
    return columns


def _ink_between(strength: np.ndarray, left: np.ndarray, right: np.ndarray) -> float:
    return float((strength * between(strength.shape[1], left, right)).sum())


def between(width: int, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Mask of the pixels from one seam to another: bool (h, width)."""
    x = np.arange(width)
    return (x >= left[:, None]) & (x < right[:, None])
