"""A frozen copy of the approved corrections, so that a run knows what it learnt from whatever happens to them."""

import hashlib
import io
import json
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from django.core.files.storage import default_storage

from recognizer.models import Correction
from recognizer.reading import frames_strip, open_image, open_strip

from .exchange import newest_approved, writer_of

HELD_OUT = 0.25
MOST_HELD_OUT = 0.5
"""Shares of the corrections that judge instead of teaching: what is aimed at, and what is never passed."""


@dataclass(frozen=True)
class Lesson:
    """One approved correction. frames: uint8 (n, 28, 28) of its boxes; labels: 0 to 10 for each, or None.

    Without labels the claim fits no boxes: it judges whole pages, read from `page`, and teaches nothing.
    """

    correction: int
    person: str
    text: str
    frames: np.ndarray
    labels: list[int] | None
    page: bytes | None = None
    held_out: bool = False


class TooFew(Exception):
    """There is not enough to learn from, or nobody to judge by. `str()` says what is missing, to people."""


@dataclass(frozen=True)
class Candidate:
    correction: Correction
    person: str
    trusted: bool


def candidates() -> list[Candidate]:
    """Gather what could teach or judge: approved, newest of its prediction, with whose hand it is.

    What staff brought is trusted: its writer is a person where one is named, else each image is one of its own.
    """
    found = []
    for correction in newest_approved():
        owner = correction.prediction.owner
        trusted = correction.imported or (owner is not None and owner.is_staff)
        writer = correction.writer if correction.imported else ""
        person = writer or f"image {correction.prediction_id}" if trusted else writer_of(correction)
        found.append(Candidate(correction, person, trusted))
    return found


def capped(found: list[Candidate], share: float) -> list[Candidate]:
    """Leave out the oldest of whoever has more than a share of all; whoever is trusted keeps all."""
    counts = Counter(candidate.person for candidate in found if not candidate.trusted)
    trusted = sum(candidate.trusted for candidate in found)
    most = max(counts.values(), default=0)
    while most and most > share * (trusted + sum(min(count, most) for count in counts.values())):
        most -= 1
    kept: Counter[str] = Counter()
    chosen = []
    for candidate in sorted(found, key=lambda candidate: -candidate.correction.pk):
        kept[candidate.person] += not candidate.trusted
        if candidate.trusted or kept[candidate.person] <= most:
            chosen.append(candidate)
    return chosen[::-1]


def held_out_people(people: Iterable[str]) -> set[str]:
    """Choose whose corrections judge, given the person of each correction: about a quarter, at most half.

    By a hash of the name, so that from run to run hardly anybody changes sides.
    """
    counts = Counter(people)
    total, held = counts.total(), 0
    chosen = set()
    for person in sorted(counts, key=lambda person: hashlib.sha256(person.encode()).digest()):
        if held < HELD_OUT * total and held + counts[person] <= MOST_HELD_OUT * total:
            chosen.add(person)
            held += counts[person]
    return chosen


def gather(least: int, share: float) -> list[Lesson]:
    """Turn the approved corrections into lessons, each person's on one side. Raises TooFew."""
    found = candidates()
    if len(found) < least:
        raise TooFew(f"{_corrections(len(found))} approved, and a retraining needs at least {least}.")
    chosen = capped(found, share)
    if len(chosen) < least:
        raise TooFew(
            f"{_corrections(len(found))} approved, but nobody may have more than {share:.0%} of them, which leaves "
            f"{len(chosen)} of the {least} that a retraining needs. Corrections of more people are needed."
        )
    held_out = held_out_people(candidate.person for candidate in chosen)
    lessons = [lesson_of(candidate, candidate.person in held_out) for candidate in chosen]
    if not held_out:
        raise TooFew(
            "All corrections come from one person, and a network is judged by people it did not learn from. "
            "Corrections of at least one more person are needed."
        )
    if not any(lesson.labels for lesson in lessons if not lesson.held_out):
        raise TooFew("No approved correction says what each box holds, so there is nothing to learn from.")
    return lessons


def _corrections(count: int) -> str:
    return f"{count} correction is" if count == 1 else f"{count} corrections are"


def lesson_of(candidate: Candidate, held_out: bool) -> Lesson:
    correction, prediction = candidate.correction, candidate.correction.prediction
    strip = bytes(prediction.frames)
    frames = np.round(open_strip(strip) * 255).astype(np.uint8) if strip else np.zeros((0, 28, 28), np.uint8)
    labels = correction.box_labels if len(frames) == len(prediction.digits) else None
    page = None
    if not labels and held_out:
        with default_storage.open(str(prediction.image)) as stored:
            page = stored.read()
    return Lesson(correction.pk, candidate.person, correction.text, frames, labels or None, page, held_out)


def freeze(lessons: list[Lesson]) -> bytes:
    """Pack lessons into one file, the same bytes for the same lessons."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:

        def write(name: str, content: bytes) -> None:
            archive.writestr(zipfile.ZipInfo(name), content)

        for lesson in lessons:
            if len(lesson.frames):
                write(f"{lesson.correction}.frames", frames_strip(list(lesson.frames.astype(np.float32) / 255)))
            if lesson.page is not None:
                write(f"{lesson.correction}.page", lesson.page)
        facts = [
            {
                "correction": lesson.correction,
                "person": lesson.person,
                "text": lesson.text,
                "labels": lesson.labels,
                "held_out": lesson.held_out,
            }
            for lesson in lessons
        ]
        write("lessons.json", json.dumps(facts).encode())
    return out.getvalue()


def thaw(content: bytes, sha256: str) -> list[Lesson]:
    """Unpack what `freeze` made. Raises ValueError where it is not the content recorded."""
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ValueError("the snapshot is not the one recorded")
    lessons = []
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts: dict[str, dict[str, bytes]] = defaultdict(dict)
        for name in archive.namelist():
            key, _, kind = name.partition(".")
            parts[key][kind] = archive.read(name)
        for facts in json.loads(parts["lessons"]["json"]):
            part = parts[str(facts["correction"])]
            strip = part.get("frames")
            frames = np.round(open_strip(strip) * 255).astype(np.uint8) if strip else np.zeros((0, 28, 28), np.uint8)
            lessons.append(Lesson(frames=frames, page=part.get("page"), **facts))
    return lessons


def page_of(lesson: Lesson) -> np.ndarray:
    """The page of a lesson that judges whole pages: uint8 (height, width)."""
    assert lesson.page is not None
    return open_image(lesson.page)
