"""Labelled pictures in and out: a folder of images with `labels.json` beside predictions with approved corrections."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from recognizer.models import LONGEST_TEXT, NUMBER, Correction, Prediction, Source
from recognizer.predictions import build_prediction, delete_images
from recognizer.reading import Box, Classifier, Digit, Reading, encode_page
from recognizer.reading.classifier import NOT_A_DIGIT
from recognizer.reading.framing import frame
from recognizer.reading.ink import find_ink
from recognizer.serving import ServingReader
from recognizer.visitors import Identity

LABELS = "labels.json"


@dataclass(frozen=True)
class Labelled:
    """An image file and what it says; "" where no number is."""

    path: Path
    text: str
    writer: str


def labelled_images(folder: Path) -> list[Labelled]:
    """Read a folder's `labels.json`: {file: {"text", "writer"?}}; other keys are passed over.

    Raises ValueError where it is missing or says what cannot be.
    """
    try:
        entries = json.loads((folder / LABELS).read_text())
        found = [
            Labelled(folder / name, "\n".join(entry["text"].split()), str(entry.get("writer") or ""))
            for name, entry in entries.items()
        ]
    except FileNotFoundError as error:
        raise ValueError(f"{folder} holds no {LABELS}") from error
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise ValueError(f'{folder / LABELS} is not {{file: {{"text": "…", "writer"?: "…"}}}}') from error
    for image in found:
        _check(image, folder)
    return found


def _check(image: Labelled, folder: Path) -> None:
    try:
        if image.text:
            NUMBER(image.text)
    except ValidationError as error:
        raise ValueError(f"{image.path.name}: {image.text!r} is no number: {error.message}") from error
    if len(image.text) > LONGEST_TEXT or len(image.writer) > 100:
        raise ValueError(f"{image.path.name}: its text or writer is too long")
    if not image.path.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"{image.path} lies outside the folder")


def import_correction(image: Labelled, reader: ServingReader, identity: Identity) -> Correction:
    """Read an image, store it and its label as an approved correction, both or neither.

    What the reader refuses is kept too: where one digit is claimed, all the ink is its box.
    Raises UnreadableImage, or OSError where the file is gone.
    """
    reading = reader.read(image.path.read_bytes())
    if not reading.digits and len(image.text) == 1:
        reading = as_one_digit(reading, reader.reader.classifier)
    prediction = build_prediction(reading, reader.version, Source.IMPORT)
    prediction.owner, prediction.visitor = identity.user, identity.visitor
    encoded, extension = encode_page(reading.page)
    prediction.image.save(f"page.{extension}", ContentFile(encoded), save=False)
    try:
        with transaction.atomic():
            prediction.save()
            return prediction.corrections.create(
                text=image.text,
                state=Correction.State.APPROVED,
                flagged_by=identity.user,
                reviewed_by=identity.user,
                reviewed_at=timezone.now(),
                imported=True,
                writer=image.writer,
            )
    except BaseException:
        delete_images([str(prediction.image)])
        raise


def as_one_digit(reading: Reading, classifier: Classifier) -> Reading:
    """Take all the ink of a refused page for one digit; a page without ink stays as it is."""
    ink = find_ink(reading.page)
    framed = frame(ink.strength * ink.mask) if ink is not None else None
    if ink is None or framed is None or not framed.any():
        return reading
    x, y, width, height = (round(ink.scale * side) for side in cv2.boundingRect(ink.mask))
    x, y = x + round(ink.x), y + round(ink.y)
    p = tuple(round(float(v), 6) for v in classifier.classify(framed[None])[0, :NOT_A_DIGIT])
    label = p.index(max(p))
    digit = Digit(label, p[label], Box(x, y, width, height), p, framed, 0)
    return Reading("", 0.0, (digit,), reading.reason, reading.page)


def export_corrections(folder: Path) -> Iterator[str]:
    """Write the approved corrections' images and `labels.json` with their provenance. Yields each file's name.

    Of several claims about a picture the newest counts. People appear as writers under names that tell nothing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    labels: dict[str, dict[str, Any]] = {}
    for correction in newest_approved():
        prediction = correction.prediction
        name = f"{prediction.pk:08}.{str(prediction.image).rpartition('.')[2]}"
        try:
            with default_storage.open(str(prediction.image)) as stored:
                (folder / name).write_bytes(stored.read())
        except FileNotFoundError:
            continue
        labels[name] = {
            "text": correction.text,
            **({"writer": writer_of(correction)} if writer_of(correction) else {}),
            **({"labels": correction.labels} if correction.labels is not None else {}),
            "read": prediction.text,
            "confidence": prediction.confidence,
            "model_version": prediction.model_version.name,
            "source": prediction.source,
            "created_at": prediction.created_at.isoformat(),
            "reviewed_at": correction.reviewed_at.isoformat() if correction.reviewed_at else None,
        }
        yield name
    (folder / LABELS).write_text(json.dumps(labels, indent=1) + "\n")


def newest_approved() -> Iterator[Correction]:
    """Yield the approved corrections, of each prediction the newest alone, in order of prediction."""
    approved = Correction.objects.approved().select_related("prediction__model_version", "prediction__owner")
    last = None
    for correction in approved.order_by("prediction_id", "-id").iterator(chunk_size=500):
        if correction.prediction_id != last:
            yield correction
        last = correction.prediction_id


def writer_of(correction: Correction) -> str:
    """Name whose hand a correction shows: as an import said, or a name made from the owner's that tells nothing."""
    if correction.imported:
        return correction.writer
    prediction: Prediction = correction.prediction
    owner = f"user {prediction.owner_id}" if prediction.owner_id else f"visitor {prediction.visitor}"
    return hashlib.sha256(owner.encode()).hexdigest()[:12]
