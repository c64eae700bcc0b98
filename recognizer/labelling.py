"""Labels that reviewers give to uncorrected readings, also as answers for the random sample."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from .models import Correction, Prediction, Sample


def label_prediction(prediction: Prediction, text: str, by: Any) -> Correction | None:
    """Store a reviewer's label of a prediction, "" for no number, and the answer for the sample if it is drawn.

    Returns the correction with the label, or None if another reviewer must decide.
    """
    with transaction.atomic():
        correction = prediction.label(text, by)
        if correction is not None:
            # If two reviewers must agree, the answer is known after the second.
            right = None if correction.state == Correction.State.PENDING else text == prediction.text
            waiting = Sample.objects.filter(prediction=prediction, answered_at=None)
            waiting.update(answer=correction, answered_by=by, answered_at=timezone.now(), right=right)
    return correction


def take_back_label(prediction: Prediction, by: Any) -> bool:
    """Undo a reviewer's label of a prediction. Returns False if another reviewer decided last."""
    with transaction.atomic():
        unanswered: dict[str, Any] = {"answer": None, "answered_by": None, "answered_at": None, "right": None}
        answered = Sample.objects.filter(prediction=prediction, answered_by=by).update(**unanswered)
        correction = prediction.corrections.first()
        return (correction is not None and correction.take_back(by)) or bool(answered)
