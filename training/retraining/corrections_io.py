"""Import and export of labelled pictures: a folder of images with `labels.json`."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
from django.db import transaction

from core.storage.deletion import delete_files
from recognizer.identity import Identity
from recognizer.labels import LABELS, Label, imported_correction, parse_labels
from recognizer.models import Correction, CorrectionQuerySet, Prediction, Source, Usage
from recognizer.predictions import build_prediction, save_images
from recognizer.reading import Box, Classifier, Digit, Reading, encode_page
from recognizer.reading.classifier import NOT_A_DIGIT
from recognizer.reading.framing import frame
from recognizer.reading.ink import find_ink
from recognizer.serving.loading import ServingReader


@dataclass(frozen=True)
class Labelled:
    """An image file and its label."""

    path: Path
    label: Label


def labelled_images(folder: Path) -> list[Labelled]:
    """Read a folder's `labels.json`. Raises ValueError if it is missing or invalid."""
    try:
        content = (folder / LABELS).read_bytes()
    except FileNotFoundError as error:
        raise ValueError(f"{folder} has no {LABELS}") from error
    images = [Labelled(folder / name, label) for name, label in parse_labels(content).items()]
    for image in images:
        if not image.path.resolve().is_relative_to(folder.resolve()):
            raise ValueError(f"{image.path} is outside the folder")
    return images


def import_correction(image: Labelled, reader: ServingReader, identity: Identity) -> Correction:
    """Read an image, and store it with its label as an approved correction, both or neither.

    Refused images are stored too; if the label is one digit, its box is all the ink. Raises UnreadableImage, or OSError
    if the file is gone.
    """
    data = image.path.read_bytes()
    reading = reader.read(data)
    if not reading.digits and len(image.label.text) == 1:
        reading = as_one_digit(reading, reader.reader.classifier)
    prediction = build_prediction(reading, reader.version, Source.IMPORT)
    prediction.owner, prediction.visitor = identity.user, identity.visitor
    prediction.take_image(*encode_page(reading.page, came_in=data))
    save_images([prediction])
    try:
        with transaction.atomic():
            prediction.save()
            # Imports count towards the quota but are not limited by it.
            Usage.objects.count_in(identity.owner, [prediction.image_bytes or 0])
            correction = imported_correction(prediction, image.label, identity.user)
            correction.save()
            return correction
    except BaseException:
        delete_files([str(prediction.image)])
        raise


def as_one_digit(reading: Reading, classifier: Classifier) -> Reading:
    """Read all ink of a refused page as one digit; a page without ink is returned unchanged."""
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
    """Write the images of approved corrections, and `labels.json` with their provenance. Yields file names.

    Of several corrections of a picture the newest counts. Writers have pseudonyms.
    """
    folder.mkdir(parents=True, exist_ok=True)
    labels: dict[str, dict[str, Any]] = {}
    for correction in newest_of_each(Correction.objects.approved()):
        prediction = correction.prediction
        name = f"{prediction.pk:08}.{prediction.image_extension}"
        try:
            with prediction.open_image() as stored:
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


def newest_of_each(corrections: CorrectionQuerySet) -> Iterator[Correction]:
    """Yield the newest correction of each prediction, in order of prediction."""
    joined = corrections.select_related("prediction__model_version", "prediction__owner")
    last = None
    for correction in joined.order_by("prediction_id", "-id").iterator(chunk_size=500):
        if correction.prediction_id != last:
            yield correction
        last = correction.prediction_id


def writer_of(correction: Correction) -> str:
    """Return the writer of a correction: as imported, or a pseudonym of the prediction's owner."""
    if correction.imported:
        return correction.writer
    prediction: Prediction = correction.prediction
    owner = f"user {prediction.owner_id}" if prediction.owner_id else f"visitor {prediction.visitor}"
    return hashlib.sha256(owner.encode()).hexdigest()[:12]
