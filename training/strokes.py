"""Digits drawn as a person with a pen draws them: strokes in a unit box, bent, and inked with a round nib.

MNIST was written by Americans in the 1990s. Crossed sevens, flagged and footed ones, slashed zeros and
five-strokes of other schools are rare in it; these templates stand in for those hands. Hooked 1s, knotted 9s and 7s
that are nearly crosses came in after a look at what was misread in the development set of cheques.
"""

import cv2
import numpy as np

# Each digit has several schools of writing. A school is strokes parted by "/"; a stroke is knots "x,y" in
# hundredths of a unit box, y downwards, joined by a Catmull-Rom curve. A knot given twice makes a corner.
SCHOOLS: dict[int, list[str]] = {
    0: [
        "50,0 10,20 0,55 20,93 55,100 90,80 100,40 80,8 45,0",
        "60,2 20,12 2,50 25,95 70,95 98,50 80,10 50,5",
        "50,0 10,20 0,55 20,93 55,100 90,80 100,40 80,8 50,0 / 90,5 10,95",
        "70,5 20,8 0,55 30,100 85,85 100,40 75,3 40,15 70,30",
        "60,3 20,10 0,55 30,100 80,85 95,40 65,2 100,12 140,2",
        "30,10 0,50 30,100 80,90 100,45 70,0 30,10 50,25",
        "45,10 10,40 10,80 50,100 90,70 85,25 50,0",
    ],
    1: [
        "50,0 50,100",
        "62,0 42,100",
        "15,35 55,0 55,0 55,100",
        "20,28 50,0 50,0 50,100 / 15,100 85,100",
        "0,50 60,0 60,0 60,100",
        "0,95 55,0 55,0 62,100",
        "0,70 50,0 50,0 40,100",
        "0,100 70,0 70,0 75,50 100,95",
        "0,80 30,55 75,0 75,0 70,100",
        "5,50 40,8 60,8 58,40 50,100",
        "0,62 45,6 62,6 55,50 40,100",
        "0,45 35,12 55,2 62,25 60,100",
        "0,80 45,5 65,8 60,100 75,95",
    ],
    2: [
        "5,25 30,2 75,5 85,35 45,70 0,100 0,100 50,98 100,100",
        "10,20 45,0 85,20 65,55 30,85 5,95 5,80 30,80 60,97 100,90",
        "5,15 50,0 90,20 70,55 0,100 0,100 100,100",
        "20,30 20,5 70,2 80,35 30,85 10,90 20,75 60,95 100,85",
        "30,30 45,3 75,5 70,35 10,85 10,98 30,85 65,98 95,75",
        "40,35 25,15 55,0 80,20 60,55 10,90 25,75 60,95 100,80",
        "35,12 60,0 75,12 15,75 5,95 50,100 90,75",
        "35,35 15,15 50,0 80,15 70,45 25,90 5,90 20,78 55,95 100,92",
        "50,30 25,30 20,8 60,0 80,20 55,60 0,98 45,90 100,100",
    ],
    3: [
        "5,12 50,0 85,20 40,45 40,45 95,65 70,97 5,90",
        "5,2 90,0 90,0 40,40 40,40 95,60 75,97 5,92",
        "10,10 60,0 80,20 55,42 30,45 80,50 90,80 50,100 0,88",
        "10,15 50,0 80,15 45,45 30,42 50,42 90,70 50,100 5,90",
        "20,5 70,0 80,20 35,40 35,40 85,55 80,90 30,100 0,85",
    ],
    4: [
        "30,0 5,55 5,55 95,55 / 75,10 70,100",
        "75,0 0,65 0,65 100,65 / 75,0 75,100",
        "70,100 70,0 70,0 0,70 0,70 100,68",
        "45,0 0,60 0,60 90,60 / 60,35 50,100",
        "10,0 10,45 30,55 85,45 / 85,0 80,100",
        "70,0 0,72 0,72 95,66 / 80,50 68,100",
        "75,0 5,60 5,60 80,62 80,62 60,100",
        "40,0 10,50 30,68 85,55 / 90,30 75,100",
        "50,0 8,65 8,65 50,50 90,55 75,100",
        "40,0 5,55 15,85 50,80 85,40 85,40 80,100",
        "15,0 5,35 30,50 80,40 / 85,0 70,100",
        "55,0 10,55 5,75 60,65 95,60 / 75,40 60,100",
    ],
    5: [
        "85,0 20,2 20,2 12,45 12,45 60,38 95,68 60,100 2,92",
        "20,5 15,45 15,45 65,40 90,70 60,98 0,90 / 20,4 95,0",
        "90,2 40,0 20,20 40,45 75,65 65,95 20,100 0,88",
        "80,10 30,15 15,40 50,50 80,70 50,100 5,95 / 40,10 100,0",
        "95,0 30,2 30,2 15,50 70,55 65,90 0,100",
        "90,0 35,3 35,3 25,45 60,40 85,65 50,100 5,90",
        "30,10 25,50 40,55 40,90 5,100 / 30,10 100,0",
        "60,5 30,15 25,45 65,55 70,90 30,100 10,90 / 55,6 110,0",
        "80,0 35,5 35,5 20,45 50,45 60,75 30,100 0,90",
        "70,2 40,30 25,45 60,60 55,90 5,100",
        "85,5 50,3 25,25 55,50 65,75 35,100 0,80",
    ],
    6: [
        "75,0 30,25 3,65 20,97 65,100 90,75 60,52 20,60 6,75",
        "40,0 10,40 5,80 35,100 80,88 75,58 40,55 10,75",
        "90,8 50,0 10,35 5,75 40,100 85,85 75,55 30,50 8,68",
        "60,0 15,50 20,95 70,95 75,60 25,65",
        "30,0 10,75 40,100 80,80 50,55 12,80",
        "80,10 30,10 5,60 35,100 85,75 60,50 30,65 50,80",
    ],
    7: [
        "0,2 100,0 100,0 60,45 35,100",
        "0,5 95,0 95,0 60,45 40,100 / 25,52 85,48",
        "2,20 5,3 5,3 95,3 95,3 55,50 45,100 / 20,50 90,50",
        "5,20 20,2 60,8 100,0 100,0 60,50 50,100",
        "5,15 30,0 70,10 100,0 100,0 60,50 45,100 / 30,55 95,45",
        "10,25 5,5 50,8 95,0 95,0 70,50 60,100 / 35,55 100,50",
        "0,10 80,0 80,0 30,100 / 10,55 75,45",
        "0,10 90,5 90,5 50,50 55,100",
        "0,25 10,5 50,12 95,0 95,0 50,60 30,100 / 20,60 50,50 85,55",
        "15,25 30,8 60,12 75,12 50,55 40,100 / 5,55 100,48",
        "30,15 60,5 70,15 50,55 40,100 / 0,52 100,45",
        "5,30 15,10 45,15 85,5 85,5 50,55 45,85 60,100 / 15,55 90,50",
        "5,20 35,3 75,5 80,20 45,60 30,100 / 15,58 85,52",
    ],
    8: [
        "75,10 40,0 10,20 45,47 90,72 55,100 10,80 45,50 85,25 70,6",
        "50,0 15,20 50,45 85,22 50,0 / 50,45 2,75 50,100 98,75 50,45",
        "90,5 50,45 10,80 45,100 80,75 40,40 20,15 55,0 85,10",
        "50,50 15,25 50,0 80,25 45,50 10,80 50,100 90,80 50,50",
        "20,5 75,60 80,90 40,100 15,75 60,40 90,0",
        "85,15 50,0 20,20 80,70 50,100 10,75 90,10",
        "45,45 20,20 55,0 75,20 45,45 0,75 35,100 85,75 50,45",
    ],
    9: [
        "85,15 45,0 8,28 40,52 85,20 85,20 80,60 75,100",
        "85,20 50,0 10,25 40,50 88,20 90,65 60,98 10,90",
        "90,10 40,0 10,30 50,50 90,10 90,10 50,100",
        "50,50 10,35 30,2 80,5 80,40 45,52 80,35 70,80 30,100",
        "15,100 20,40 50,0 95,12 85,42 25,48",
        "85,8 35,8 15,35 50,48 90,20 65,3 40,30 75,72 50,100 10,97",
        "80,10 40,0 10,25 40,50 80,15 80,15 70,70 35,100 0,80",
        "75,30 45,50 15,30 40,2 80,10 70,45 90,75 50,100 5,92",
        "80,10 40,0 10,25 50,45 80,15 80,15 75,70 40,100 5,85 30,70",
        "75,10 35,5 10,35 45,50 80,10 80,10 100,100",
        "50,48 15,40 12,15 45,0 85,12 75,40 50,50 40,75 30,100",
        "60,45 25,45 10,20 45,0 80,12 70,40 55,60 50,100",
        "45,50 15,30 45,0 85,15 75,40 40,48 45,50 40,100",
        "85,12 50,0 15,18 30,42 70,38 85,12 60,60 25,100",
    ],
}


def strokes_of(school: str) -> list[np.ndarray]:
    """Parse a school's strokes: arrays float32 (n, 2) of (x, y) in the unit box."""
    return [np.array([knot.split(",") for knot in stroke.split()], np.float32) / 100 for stroke in school.split("/")]


def draw_digit(label: int, height: int, rng: np.random.Generator, nib: float | None = None) -> np.ndarray:
    """Draw a digit in a random school and hand; nib as in `draw_strokes`.

    Returns float32 ink (about height + margins, …), 0.0 paper to 1.0 ink.
    """
    schools = SCHOOLS[label]
    strokes = strokes_of(schools[rng.integers(len(schools))])
    aspect = rng.uniform(0.45, 0.9) if label != 1 else rng.uniform(0.3, 0.8)
    return draw_strokes(strokes, height, aspect, rng, float(rng.uniform(0.015, 0.05)), nib)


def draw_strokes(
    strokes: list[np.ndarray],
    height: int,
    aspect: float,
    rng: np.random.Generator,
    wobble: float = 0.035,
    nib: float | None = None,
) -> np.ndarray:
    """Ink strokes given by knots in a unit box, each knot moved a little, with one round nib.

    strokes: arrays (n, 2) of (x, y). nib: its width as a share of the height, random where none is given.
    Returns float32 ink with a margin on every side.
    """
    width = max(1, round(height * (rng.uniform(0.03, 0.16) if nib is None else nib)))
    margin = width + 4
    slant = rng.normal(0.08, 0.15)
    out = np.zeros((height + 2 * margin, round(height * (aspect + 0.6)) + 2 * margin), np.uint8)
    for knots in strokes:
        moved = knots + rng.normal(0, wobble, knots.shape)
        # A corner's twin knots move together, or the corner is lost.
        twins = np.flatnonzero((knots[1:] == knots[:-1]).all(axis=1)) + 1
        moved[twins] = moved[twins - 1]
        moved[0] += rng.normal(0, wobble, 2)
        moved[-1] += rng.normal(0, wobble, 2)
        points = catmull_rom(moved)
        x = points[:, 0] * aspect - points[:, 1] * slant + slant + 0.1
        pixels = np.stack([x * height + margin, points[:, 1] * height + margin], axis=1)
        cv2.polylines(out, [np.round(pixels * 16).astype(np.int32)], False, 255, width, cv2.LINE_AA, 4)
    return out.astype(np.float32) / 255


def catmull_rom(knots: np.ndarray, per_segment: int = 8) -> np.ndarray:
    """Join knots (n, 2) by a Catmull-Rom spline (Catmull and Rom, 1974). Returns (m, 2)."""
    if len(knots) == 2:
        return knots
    ends = np.concatenate([knots[:1], knots, knots[-1:]])
    t = np.linspace(0, 1, per_segment, endpoint=False, dtype=np.float32)[:, None]
    parts = []
    for a, b, c, d in zip(ends, ends[1:], ends[2:], ends[3:], strict=False):
        curve = 2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2
        parts.append((curve + (3 * b - a - 3 * c + d) * t**3) / 2)
    return np.concatenate([*parts, knots[-1:]])
