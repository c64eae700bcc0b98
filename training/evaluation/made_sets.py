"""Synthetic evaluation sets like the pictures that people take: desks, forms, rotated rows and pencil.

Digits are by writers 28 to 30 of the pen data and from MNIST's validation images. No network was trained on these, nor
on the backgrounds. Each set has 500 pages, most with one number of one to four digits. A page depends only on the
set's seed and its number.
"""

from collections.abc import Callable, Iterator

import numpy as np

from training.synthesis import desks
from training.synthesis.datasets import Examples
from training.synthesis.near import fields, numbers, taken
from training.synthesis.pages import FINER, Hand, Scene, Sheet, Sources, ruled, waved
from training.synthesis.pen import CHOOSING, TESTING

from .measures import Sample

COUNT = 500
STRAIN = 0.6
"""How badly pictures are lit and focused: less than in training, because people want them read. See `photograph`."""

FAINTEST = 45
"""Pencil is at least this much darker than the paper, of 255. People cannot read fainter writing either."""

SEEDS = {"desk": 11, "forms": 12, "turned": 13, "pencil": 14}
FITTING_SEEDS = {"desk": 9100, "forms": 9101, "turned": 9102, "pencil": 9103, "cheques": 9104}
"""Seeds of pages to fit on. No evaluation uses them."""


def made_set(name: str, digits: Examples, count: int = COUNT) -> Iterator[Sample]:
    """Make the pages of a set: "desk", "forms", "turned" or "pencil". digits: MNIST images not trained on."""
    return _samples(name, Sources(digits.images, digits.labels, TESTING, desks.HELD_OUT), SEEDS[name], count)


def set_to_fit(name: str, digits: Examples, count: int) -> Iterator[Sample]:
    """Make other pages like those of a set, or "cheques", with the writers for fitting and training backgrounds."""
    return _samples(name, Sources(digits.images, digits.labels, CHOOSING), FITTING_SEEDS[name], count)


def _samples(name: str, sources: Sources, seed: int, count: int) -> Iterator[Sample]:
    for number in range(count):
        scene = MAKERS[name](sources, np.random.default_rng((seed, number)))
        yield Sample(f"{name} {number}", scene.page, scene.text)


def _hand(sources: Sources, rng: np.random.Generator, kind: str | None = None) -> Hand:
    hand = Hand(sources, rng, kind, "pen" if rng.random() < 0.7 else "mnist")
    hand.dark = max(hand.dark, FAINTEST)
    return hand


def _body(rng: np.random.Generator, low: float, high: float) -> float:
    """Choose the height of digits on the sheet so that in the picture they are `low` to `high` pixels tall."""
    return FINER * float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _paper(rng: np.random.Generator, body: float) -> Callable[[Sheet], None]:
    kind, pitch = rng.random(), body * float(rng.uniform(0.4, 2.2))

    def rule(sheet: Sheet) -> None:
        if kind > 0.4:
            ruled(sheet, rng, pitch, squared=bool(kind > 0.7))

    return rule


def _desk(sources: Sources, rng: np.random.Generator) -> Scene:
    body = _body(rng, 24, 110)
    content = numbers(_hand(sources, rng), rng, body)
    edges = rng.random(4) < (1.0 if rng.random() < 0.5 else 0.4)
    edges[int(rng.integers(4))] = True
    turn = float(rng.uniform(-12, 12)) if rng.random() < 0.6 else 0.0
    return taken(content, sources, rng, (1.5, 3.2), turn, edges.tolist(), _paper(rng, body), strain=STRAIN)


def _forms(sources: Sources, rng: np.random.Generator) -> Scene:
    body = _body(rng, 24, 90)
    content = fields(_hand(sources, rng), rng, body, ["boxes", "comb", "cell", "table", "underline"])
    turn = float(rng.normal(0, 1.5))
    return taken(content, sources, rng, (1.0, 1.8), turn, [False] * 4, strain=STRAIN)


def _turned(sources: Sources, rng: np.random.Generator) -> Scene:
    body = _body(rng, 24, 110)
    content = numbers(_hand(sources, rng), rng, body)
    turn = float(rng.uniform(3, 8) * rng.choice([-1, 1]))
    return taken(content, sources, rng, (1.05, 2.0), turn, [False] * 4, _paper(rng, body), strain=STRAIN)


def _pencil(sources: Sources, rng: np.random.Generator) -> Scene:
    """Write with pencil in boxes, in two of three pages; in the others, hair-thin digits on plain paper."""
    body = _body(rng, 24, 80)
    if rng.random() < 2 / 3:
        content = fields(_hand(sources, rng, "pencil"), rng, body, ["boxes", "cell", "comb"])
    else:
        hand = _hand(sources, rng, "ballpoint")
        hand.source, hand.nib = "pen", float(rng.uniform(0.008, 0.02))
        content = numbers(hand, rng, body)
    return taken(content, sources, rng, (1.0, 1.8), float(rng.normal(0, 1)), [False] * 4, strain=STRAIN)


def _cheque(sources: Sources, rng: np.random.Generator) -> Scene:
    """Write a number on a cheque's fine lines, cropped closely, with as few pixels as a scan."""
    body = _body(rng, 18, 60)
    content = numbers(_hand(sources, rng), rng, body)
    return taken(
        content, sources, rng, (1.0, 1.3), float(rng.normal(0, 1)), [False] * 4, lambda s: waved(s, rng), strain=STRAIN
    )


MAKERS: dict[str, Callable[[Sources, np.random.Generator], Scene]] = {
    "desk": _desk,
    "forms": _forms,
    "turned": _turned,
    "pencil": _pencil,
    "cheques": _cheque,
}
