"""The review queue: one claim after another, a key for each decision."""

import re
from typing import Any

from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from .figures import DigitFigure, digit_figures
from .models import Correction, CorrectionQuerySet
from .reading.classifier import NOT_A_DIGIT
from .responses import stored_image

FRAGMENT = "X-Fragment"
"""The header with which the page's script asks for the next claim alone, without the page around it."""

LABEL = re.compile(r"[0-9xX-]")
TALLIED = ("approved", "rejected")


def reviewers_only(view: Any) -> Any:
    """Send strangers to the log-in page, and refuse whoever is no reviewer."""
    return login_required(permission_required("recognizer.review_corrections", raise_exception=True)(view))


@require_safe
@never_cache
@reviewers_only
def queue(request: HttpRequest) -> HttpResponse:
    """Show the oldest claim this reviewer can decide, or the oldest after one that was passed over."""
    after = request.GET.get("after", "")
    return show_next(request, int(after) if after.isascii() and after.isdigit() and len(after) < 18 else 0)


def show_next(request: HttpRequest, after: int = 0, said: str = "", status: int = 200) -> HttpResponse:
    waiting = Correction.objects.waiting_for(request.user).order_by("id")
    claim = waiting.select_related("prediction__model_version").filter(pk__gt=after).first()
    last = Correction.objects.decided_by(request.user).first()
    context = {
        "claim": claim,
        "said": said,
        "last": last,
        "waiting": waiting.count(),
        "passed": after and claim is None and waiting.exists(),
        **(claim_context(claim) if claim else {}),
    }
    template = "review/claim.html" if request.headers.get(FRAGMENT) else "review/queue.html"
    return render(request, template, context, status=status)


def claim_context(claim: Correction) -> dict[str, Any]:
    prediction = claim.prediction
    digits = digit_figures(prediction.digits, prediction.width, prediction.height)
    return {
        "prediction": prediction,
        "boxes": label_fields(digits, claim.box_labels),
        "teaches": claim.box_labels is not None and bool(digits),
        "record": record_of(claim),
    }


def label_fields(digits: list[DigitFigure], labels: list[int] | None) -> list[dict[str, Any]]:
    """Pair each box with what the claim says of it: a digit, "x" for none, or what was read."""
    said = labels if labels is not None else [digit.label for digit in digits]
    return [
        {"digit": digit, "label": "x" if label == NOT_A_DIGIT else str(label), "new": label != digit.label}
        for digit, label in zip(digits, said, strict=False)
    ]


def record_of(claim: Correction) -> dict[str, int]:
    """Count what became of the flagger's other claims."""
    by: CorrectionQuerySet = Correction.objects.exclude(pk=claim.pk)
    if claim.flagged_by_id is not None:
        by = by.filter(flagged_by=claim.flagged_by_id)
    elif claim.prediction.visitor is not None:
        by = by.filter(prediction__visitor=claim.prediction.visitor)
    else:
        by = by.filter(prediction__owner=claim.prediction.owner_id, flagged_by=None)
    states = list(by.values_list("state", flat=True))
    return {state: states.count(state) for state in TALLIED}


@require_safe
@reviewers_only
def image(request: HttpRequest, pk: int) -> HttpResponse:
    """The picture of a claim: a reviewer need not be staff, and sees no other pictures."""
    claim = get_object_or_404(Correction.objects.select_related("prediction"), pk=pk)
    return stored_image(claim.prediction)


@require_POST
@reviewers_only
def decide(request: HttpRequest, pk: int) -> HttpResponse:
    """Approve, reject, or take back one's own word, and go on to the next claim."""
    claim = get_object_or_404(Correction.objects.select_related("prediction"), pk=pk)
    decision = request.POST.get("decision")
    match decision:
        case "approve":
            labels = labels_in(request.POST.getlist("label"), claim)
            done = claim.approve(request.user, labels)
            verb = "Approved" if claim.state == Correction.State.APPROVED else "Agreed; another reviewer must too"
        case "reject":
            done, verb = claim.reject(request.user), "Rejected"
        case "undo":
            done, verb = claim.reopen(request.user), "Taken back"
        case _:
            return HttpResponse("Say approve, reject or undo.", status=400, content_type="text/plain")
    said = f"{verb}: {claim.one_line}." if done else "That claim had been decided or replaced before."
    if request.headers.get(FRAGMENT):
        return show_next(request, said=said)
    return redirect("review")


def labels_in(fields: list[str], claim: Correction) -> list[int] | None:
    """Return the boxes' labels as fixed by the reviewer; None where they are what the claim says anyway."""
    if len(fields) != len(claim.prediction.digits) or not all(LABEL.fullmatch(field) for field in fields):
        return None
    labels = [int(field) if field.isdigit() else NOT_A_DIGIT for field in fields]
    read = [digit["label"] for digit in claim.prediction.digits]
    unsaid = claim.box_labels is None and labels == read
    return None if unsaid or labels == claim.box_labels else labels
