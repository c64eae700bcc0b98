"""The review queue: one correction after another, with a key for each decision."""

from typing import Any

from django.contrib.auth.decorators import login_required, permission_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from recognizer.corrections import labels_in, record_of
from recognizer.exceptions import TooBusy
from recognizer.figures import DigitFigure, digit_figures
from recognizer.forms import FlagForm
from recognizer.identity import identity_of
from recognizer.models import Correction
from recognizer.reading.classifier import NOT_A_DIGIT
from recognizer.responses import busy, stored_image

FRAGMENT = "X-Fragment"
"""Header with which the page's script asks for the next correction only, without the page around it."""

OTHERS_DECIDE = gettext_lazy("This correction is yours, or on your picture. Another reviewer must decide.")


def reviewers_only(view: Any) -> Any:
    """Redirect anonymous visitors to the log-in page; answer 403 to users who are not reviewers."""
    return login_required(permission_required("recognizer.review_corrections", raise_exception=True)(view))


@require_safe
@never_cache
@reviewers_only
def queue(request: HttpRequest) -> HttpResponse:
    """Show the oldest correction this reviewer can decide, or the next one after a skipped one."""
    after = request.GET.get("after", "")
    return show_next(request, int(after) if after.isascii() and after.isdigit() and len(after) < 18 else 0)


def show_next(request: HttpRequest, after: int = 0, message: str = "", status: int = 200) -> HttpResponse:
    waiting = Correction.objects.waiting_for(request.user).order_by("id")
    correction = waiting.with_prediction().select_related("prediction__model_version").filter(pk__gt=after).first()
    last = Correction.objects.decided_by(request.user).first()
    context = {
        "correction": correction,
        "said": message,
        "last": last,
        "waiting": waiting.count(),
        "passed": after and correction is None and waiting.exists(),
        **(correction_context(correction) if correction else {}),
    }
    template = "review/correction.html" if request.headers.get(FRAGMENT) else "review/queue.html"
    return render(request, template, context, status=status)


def correction_context(correction: Correction) -> dict[str, Any]:
    prediction = correction.prediction
    digits = digit_figures(prediction.digits, prediction.width, prediction.height)
    record = record_of(correction)
    return {
        "prediction": prediction,
        "digits": digits,
        "boxes": label_fields(digits, correction.box_labels),
        "teaches": correction.box_labels is not None and bool(digits),
        "record": record,
        "reviewed": sum(record.values()),
        "imported": prediction.corrections.filter(imported=True).first(),
    }


def label_fields(digits: list[DigitFigure], labels: list[int] | None) -> list[dict[str, Any]]:
    """Pair each box with its label in the correction ("x" for no digit), or else with its reading."""
    shown = labels if labels is not None else [digit.label for digit in digits]
    return [
        {"digit": digit, "label": "x" if label == NOT_A_DIGIT else str(label), "new": label != digit.label}
        for digit, label in zip(digits, shown, strict=False)
    ]


@require_safe
@login_required
def image(request: HttpRequest, pk: int) -> HttpResponse:
    """Return the picture of a correction. Reviewers need not be staff, and see no other pictures."""
    identity = identity_of(request)
    views = identity is not None and identity.may("recognizer.view_prediction")
    if not (views or request.user.has_perm("recognizer.review_corrections")):
        raise PermissionDenied("Only reviewers may see this.")
    correction = get_object_or_404(Correction.objects.select_related("prediction"), pk=pk)
    try:
        return stored_image(correction.prediction, small=request.GET.get("size") == "thumb")
    except TooBusy:
        return busy()


def number_in(request: HttpRequest, otherwise: str = "") -> str | None:
    """Return the number that a reviewer typed, or `otherwise` if the field is missing; None if it is not a number."""
    form = FlagForm({"text": request.POST.get("text", otherwise)})
    return form.cleaned_data["text"] if form.is_valid() else None


def agree(correction: Correction, text: str, by: Any, labels: list[int] | None) -> tuple[bool, Correction]:
    """Approve a correction, or replace it by the reviewer's own if the number differs.

    Returns whether it was approved, and the correction that holds now.
    """
    if text == correction.text:
        return correction.approve(by, labels), correction
    corrected = correction.correct(text, by, labels)
    return corrected is not None, corrected or correction


@require_POST
@reviewers_only
def decide(request: HttpRequest, pk: int) -> HttpResponse:
    """Approve, change or reject a correction, or undo one's own decision; then show the next correction."""
    correction = get_object_or_404(Correction.objects.with_prediction(), pk=pk)
    decision = request.POST.get("decision")
    late = gettext("This correction was already decided or replaced.")
    match decision:
        case "approve":
            text = number_in(request, correction.text)
            if text is None:
                return show_next(request, message=gettext("Write digits only."))
            labels = labels_in(request.POST.getlist("label"), correction)
            done, correction = agree(correction, text, request.user, labels)
            if not done and not correction.may_be_approved_by(request.user):
                late = str(OTHERS_DECIDE)
            verb = (
                gettext("Approved")
                if correction.state == Correction.State.APPROVED
                else gettext("Approved; a second reviewer must approve it too")
            )
        case "reject":
            done, verb = correction.reject(request.user), gettext("Rejected")
        case "undo":
            done, verb = correction.reopen(request.user), gettext("Undone")
        case _:
            words = "The decision must be approve, reject or undo."
            return HttpResponse(words, status=400, content_type="text/plain")
    message = gettext("%(done)s: %(text)s.") % {"done": verb, "text": correction.one_line} if done else late
    if request.headers.get(FRAGMENT):
        return show_next(request, message=message)
    return redirect("review")
