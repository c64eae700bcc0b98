"""Labels that come with pictures: a `labels.json` of {file: {"text", "writer"?}}."""

import json
from dataclasses import asdict, dataclass
from typing import Any, Self

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext

from .models import MAX_TEXT_LENGTH, NUMBER, Correction, Prediction

LABELS = "labels.json"
MAX_WRITER_LENGTH = 100


class BadLabel(ValueError):
    """An invalid label. `str()` says why."""


@dataclass(frozen=True)
class Label:
    """The text of a picture, "" for no number, and its writer, "" if unknown."""

    text: str
    writer: str = ""

    @classmethod
    def from_json(cls, entry: dict[str, Any]) -> Self:
        """Raises BadLabel, or KeyError, TypeError or AttributeError if the entry is not an object with a text."""
        label = cls("\n".join(entry["text"].split()), str(entry.get("writer") or ""))
        try:
            if label.text:
                NUMBER(label.text)
        except ValidationError as error:
            words = gettext("“%(text)s” is not a number: %(why)s") % {"text": label.text[:40], "why": error.message}
            raise BadLabel(words) from error
        if len(label.text) > MAX_TEXT_LENGTH or len(label.writer) > MAX_WRITER_LENGTH:
            raise BadLabel(gettext("its text or writer is too long"))
        if not label.writer.isprintable():
            raise BadLabel(gettext("its writer is not a name"))
        return label

    def as_json(self) -> dict[str, str]:
        return asdict(self)


def parse_labels(content: bytes) -> dict[str, Label]:
    """Parse a `labels.json`. Keys other than "text" and "writer" are ignored. Raises ValueError with a message."""
    labels, name = {}, ""
    try:
        for name, entry in json.loads(content).items():
            labels[name] = Label.from_json(entry)
    except BadLabel as error:
        raise ValueError(f"{name[:100]}: {error}") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        words = gettext("%(file)s is not %(form)s")
        raise ValueError(words % {"file": LABELS, "form": '{file: {"text": "…", "writer"?: "…"}}'}) from error
    return labels


def imported_correction(prediction: Prediction, label: Label, by: Any) -> Correction:
    """Return an unsaved approved correction with an imported label."""
    return Correction(
        prediction=prediction,
        text=label.text,
        state=Correction.State.APPROVED,
        flagged_by=by,
        reviewed_by=by,
        reviewed_at=timezone.now(),
        imported=True,
        writer=label.writer,
    )
