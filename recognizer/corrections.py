"""What reviewers see of a correction: the corrector's record, and the labels of the boxes."""

import re

from .models import Correction, CorrectionQuerySet
from .reading.classifier import NOT_A_DIGIT

LABEL = re.compile(r"[0-9xX-]")
TALLIED = ("approved", "rejected")


def record_of(correction: Correction) -> dict[str, int]:
    """Count the approved and rejected among the other corrections of the same person, without imports."""
    by: CorrectionQuerySet = Correction.objects.filter(imported=False).exclude(pk=correction.pk)
    if correction.flagged_by_id is not None:
        by = by.filter(flagged_by=correction.flagged_by_id)
    elif correction.prediction.visitor is not None:
        by = by.filter(prediction__visitor=correction.prediction.visitor)
    else:
        by = by.filter(prediction__owner=correction.prediction.owner_id, flagged_by=None)
    states = list(by.values_list("state", flat=True))
    return {state: states.count(state) for state in TALLIED}


def labels_in(fields: list[str], correction: Correction) -> list[int] | None:
    """Return the box labels that the reviewer entered; None if they only repeat the correction."""
    if len(fields) != len(correction.prediction.digits) or not all(LABEL.fullmatch(field) for field in fields):
        return None
    labels = [int(field) if field.isdigit() else NOT_A_DIGIT for field in fields]
    read = [digit["label"] for digit in correction.prediction.digits]
    unsaid = correction.box_labels is None and labels == read
    return None if unsaid or labels == correction.box_labels else labels
