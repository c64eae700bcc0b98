"""Labels that reviewers give to readings nobody corrected, and what a random sample learns from them."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from .models import Correction, Prediction, Sample


def label_prediction(prediction: Prediction, text: str, by: Any) -> Correction | None:
    """Keep what a reviewer says a prediction says, "" for no number; the sample that drew it is answered.

    Returns the correction that says so now, None where another reviewer must decide.
    """
    with transaction.atomic():
        claim = prediction.label(text, by)
        if claim is not None:
            # Of two reviewers the second decides whether it was right.
            right = None if claim.state == Correction.State.PENDING else text == prediction.text
            waiting = Sample.objects.filter(prediction=prediction, answered_at=None)
            waiting.update(answer=claim, answered_by=by, answered_at=timezone.now(), right=right)
    return claim


def take_back_label(prediction: Prediction, by: Any) -> bool:
    """Take back what a reviewer said last of a prediction. Returns False where it was another's word."""
    with transaction.atomic():
        unanswered: dict[str, Any] = {"answer": None, "answered_by": None, "answered_at": None, "right": None}
        answered = Sample.objects.filter(prediction=prediction, answered_by=by).update(**unanswered)
        claim = prediction.corrections.first()
        return (claim is not None and claim.take_back(by)) or bool(answered)
