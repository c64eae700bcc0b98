"""Write digits with the mouse, in strokes like a person's."""

import itertools
import math

from playwright.sync_api import Locator, Page

Point = tuple[float, float]
Stroke = list[Point]

WIDTH = 0.7
"""Width of a digit, as a share of its height."""
STEP = 12
"""Pixels between two mouse positions."""


def arc(x: float, y: float, rx: float, ry: float, start: float, end: float) -> Stroke:
    """Return points on an ellipse from one angle to another, in degrees; 0 is right, 90 is down."""
    steps = max(2, round(abs(end - start) / 12))
    angles = (math.radians(start + (end - start) * step / steps) for step in range(steps + 1))
    return [(x + rx * math.cos(angle), y + ry * math.sin(angle)) for angle in angles]


TOP = (0.35, 0.25, 0.24, 0.22)
STROKES: dict[str, list[Stroke]] = {
    "0": [arc(0.35, 0.5, 0.3, 0.48, -90, -450)],
    "1": [[(0.2, 0.2), (0.4, 0.02), (0.4, 0.98)]],
    "2": [[*arc(0.35, 0.27, 0.29, 0.25, -170, 30), (0.08, 0.97), (0.66, 0.97)]],
    "3": [[*arc(0.3, 0.25, 0.27, 0.23, -150, 90), *arc(0.3, 0.73, 0.33, 0.25, -90, 150)]],
    "4": [[(0.42, 0.02), (0.04, 0.62), (0.68, 0.62)], [(0.48, 0.35), (0.48, 0.98)]],
    "5": [[(0.62, 0.03), (0.14, 0.03), (0.1, 0.43), *arc(0.32, 0.68, 0.31, 0.29, -130, 140)]],
    "6": [[(0.5, 0.03), (0.24, 0.28), *arc(0.34, 0.7, 0.27, 0.27, -170, -520)]],
    "7": [[(0.05, 0.05), (0.65, 0.05), (0.26, 0.98)]],
    "8": [arc(*TOP, -60, -270) + arc(0.35, 0.73, 0.29, 0.25, -90, 270) + arc(*TOP, 90, -60)],
    "9": [[*arc(0.34, 0.28, 0.26, 0.25, -20, -370), (0.58, 0.5), (0.5, 0.98)]],
}  # fmt: skip


def written(text: str, height: float, at: Point = (0, 0)) -> list[Stroke]:
    """Return the strokes of a number whose top left corner is at a point; all in pixels."""
    advance = (WIDTH + 0.35) * height
    return [
        [(at[0] + place * advance + x * height, at[1] + y * height) for x, y in stroke]
        for place, digit in enumerate(text)
        for stroke in STROKES[digit]
    ]


def write(page: Page, sheet: Locator, text: str, height: float = 150, at: Point = (40, 40)) -> None:
    """Write a number on a sheet with the mouse, its top left corner at a point of the sheet."""
    for stroke in written(text, height, _on(sheet, at)):
        trace(page, stroke)


def trace(page: Page, stroke: Stroke) -> None:
    """Draw one stroke with the mouse, wherever on the page it is."""
    page.mouse.move(*stroke[0])
    page.mouse.down()
    for before, after in itertools.pairwise(stroke):
        page.mouse.move(*after, steps=max(1, round(math.dist(before, after) / STEP)))
    page.mouse.up()


def write_with_a_finger(page: Page, sheet: Locator, text: str, height: float = 150, at: Point = (40, 40)) -> None:
    """Write a number on the drawing area by touch."""
    finger = page.context.new_cdp_session(page)

    def touch(kind: str, *points: Point) -> None:
        told = [{"x": x, "y": y} for x, y in points]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": told})

    for stroke in written(text, height, _on(sheet, at)):
        touch("touchStart", stroke[0])
        for before, after in itertools.pairwise(stroke):
            steps = max(1, round(math.dist(before, after) / STEP))
            for step in range(1, steps + 1):
                share = step / steps
                (x, y), (to_x, to_y) = before, after
                touch("touchMove", (x + share * (to_x - x), y + share * (to_y - y)))
        touch("touchEnd")


TAPS = 5
HEARD = "(target) => ({ click: new Promise((heard) => target.addEventListener('click', heard, { once: true })) })"
WAIT = """({ click }) => Promise.race(
  [click.then(() => true), new Promise((heard) => setTimeout(heard, 2000, false))])"""


def tap(target: Locator) -> None:
    """Tap as a person does, who taps again where nothing happens.

    Where the machine stalls between the beginning and the end of a touch, Chromium tells the page of both and makes no
    click of them.
    """
    heard = target.evaluate_handle(HEARD)
    for _ in range(TAPS):
        target.tap()
        if heard.evaluate(WAIT):
            return
    raise AssertionError(f"{TAPS} taps became no click")


def choose_part(page: Page, left: float, top: float, right: float, bottom: float) -> None:
    """Drag over a part of the picture that is being cropped, told in shares of its sides."""
    box = page.locator("#adjust svg").bounding_box()
    assert box is not None
    places = [
        (box["x"] + x * (box["width"] - 1), box["y"] + y * (box["height"] - 1))
        for x, y in ((left, top), (right, bottom))
    ]
    trace(page, places)


def _on(sheet: Locator, at: Point) -> Point:
    sheet.scroll_into_view_if_needed()
    box = sheet.bounding_box()
    assert box is not None
    return box["x"] + at[0], box["y"] + at[1]
