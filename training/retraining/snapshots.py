"""Snapshots of the corrections that a run trains on, so that later changes do not alter its record."""

import hashlib
import io
import json
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from django.utils.translation import gettext, ngettext

from recognizer.models import Correction
from recognizer.reading import frames_strip, open_image, open_strip

from .corrections_io import newest_of_each, writer_of

HELD_OUT = 0.25
MAX_HELD_OUT = 0.5
"""Share of the corrections that is held out for testing, and its upper limit."""


@dataclass(frozen=True)
class Lesson:
    """One accepted correction. frames: uint8 (n, 28, 28) of its boxes; labels: 0 to 10 for each, or None.

    Without labels the correction does not fit the boxes: it is only used to test whole pages, read from `page`.
    """

    correction: int
    person: str
    text: str
    frames: np.ndarray
    labels: list[int] | None
    page: bytes | None = None
    held_out: bool = False


class TooFew(Exception):
    """There are too few corrections to train on, or none to test on. `str()` says what is missing, for people."""


@dataclass(frozen=True)
class Candidate:
    correction: Correction
    person: str
    trusted: bool


def candidates() -> list[Candidate]:
    """List the corrections to train or test on: approved or confirmed, newest of its prediction, each with its writer.

    Imported corrections are trusted, and corrections by staff that a reviewer approved (another one, if the site has
    another). Confirmations by staff count as their own. The writer of a trusted correction is the one named, or else
    each image counts as a writer of its own.
    """
    results = []
    # All are in memory at once, and few of their images are used.
    for correction in newest_of_each(Correction.objects.labels().with_prediction()):
        owner = correction.prediction.owner
        approved = correction.state == Correction.State.APPROVED
        trusted = correction.imported or (approved and owner is not None and owner.is_staff)
        writer = writer_of(correction) if correction.imported or not trusted else ""
        person = writer or f"image {correction.prediction_id}"
        results.append(Candidate(correction, person, trusted))
    return results


def capped(everyone: list[Candidate], share: float) -> list[Candidate]:
    """Leave out a person's oldest corrections beyond a share of all. Trusted ones are all kept."""
    counts = Counter(candidate.person for candidate in everyone if not candidate.trusted)
    trusted = sum(candidate.trusted for candidate in everyone)
    most = max(counts.values(), default=0)
    while most and most > share * (trusted + sum(min(count, most) for count in counts.values())):
        most -= 1
    counted: Counter[str] = Counter()
    chosen = []
    for candidate in sorted(everyone, key=lambda candidate: -candidate.correction.pk):
        counted[candidate.person] += not candidate.trusted
        if candidate.trusted or counted[candidate.person] <= most:
            chosen.append(candidate)
    return chosen[::-1]


def held_out_people(people: Iterable[str]) -> set[str]:
    """Choose the people whose corrections are held out: about a quarter of the corrections, at most half.

    By a hash of the name, so that hardly anybody changes sides between runs.
    """
    counts = Counter(people)
    total, held = counts.total(), 0
    chosen = set()
    for person in sorted(counts, key=lambda person: hashlib.sha256(person.encode()).digest()):
        if held < HELD_OUT * total and held + counts[person] <= MAX_HELD_OUT * total:
            chosen.add(person)
            held += counts[person]
    return chosen


def gather(least: int, share: float) -> list[Lesson]:
    """Make lessons of the approved and confirmed corrections. Raises TooFew.

    Each person's are all for training or all for testing.
    """
    labelled = candidates()
    if len(labelled) < least:
        raise TooFew(
            ngettext(
                "%(number)d correction is approved or confirmed, and a retraining needs at least %(least)d.",
                "%(number)d corrections are approved or confirmed, and a retraining needs at least %(least)d.",
                len(labelled),
            )
            % {"number": len(labelled), "least": least}
        )
    chosen = capped(labelled, share)
    if len(chosen) < least:
        raise TooFew(
            ngettext(
                "%(number)d correction is approved or confirmed, but nobody may have more than "
                "%(share).0f%% of them, which leaves %(left)d of the %(least)d that a retraining needs. "
                "Corrections of more people are needed.",
                "%(number)d corrections are approved or confirmed, but nobody may have more than "
                "%(share).0f%% of them, which leaves %(left)d of the %(least)d that a retraining needs. "
                "Corrections of more people are needed.",
                len(labelled),
            )
            % {"number": len(labelled), "share": 100 * share, "left": len(chosen), "least": least}
        )
    held_out = held_out_people(candidate.person for candidate in chosen)
    lessons = [lesson_of(candidate, candidate.person in held_out) for candidate in chosen]
    if not held_out:
        raise TooFew(
            gettext(
                "All corrections come from one person, but testing needs corrections of somebody else. "
                "Corrections of at least one more person are needed."
            )
        )
    if not any(lesson.labels for lesson in lessons if not lesson.held_out):
        raise TooFew(gettext("No correction has a label for each box, so there is nothing to train on."))
    return lessons


def lesson_of(candidate: Candidate, held_out: bool) -> Lesson:
    correction, prediction = candidate.correction, candidate.correction.prediction
    strip = bytes(prediction.frames)
    frames = np.round(open_strip(strip) * 255).astype(np.uint8) if strip else np.zeros((0, 28, 28), np.uint8)
    labels = correction.box_labels if len(frames) == len(prediction.digits) else None
    page = None
    if not labels and held_out:
        with prediction.open_image() as stored:
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
    """Unpack a snapshot. Raises ValueError if its content does not have the recorded hash."""
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


def open_page(lesson: Lesson) -> np.ndarray:
    """Decode the page of a lesson without labels: uint8 (height, width)."""
    assert lesson.page is not None
    return open_image(lesson.page)
