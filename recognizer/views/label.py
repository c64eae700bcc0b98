"""Pages on which reviewers label uncorrected readings: the least sure first, or a random sample."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from recognizer.figures import digit_figures, likely_numbers
from recognizer.identity import identity_of
from recognizer.labelling import label_prediction, take_back_label
from recognizer.models import Prediction, Sample
from recognizer.pagination import page_of, place_of

from .review import FRAGMENT, OTHERS_DECIDE, number_in

DRAWN = 20
"""Predictions that are added to the sample at a time."""


def labellers_only(view: Any) -> Any:
    """Redirect anonymous visitors to the log-in page; answer 403 to users who may not review or view predictions."""

    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        identity = identity_of(request)
        needed = ("recognizer.review_corrections", "recognizer.view_prediction")
        if identity is None or not all(identity.may(permission) for permission in needed):
            raise PermissionDenied(gettext("Only reviewers who may see predictions may label them."))
        answer: HttpResponse = view(request, *args, **kwargs)
        return answer

    return login_required(checked)


@require_safe
@never_cache
@labellers_only
def unsure(request: HttpRequest) -> HttpResponse:
    """Show the least sure reading without a correction, or the next one after a skipped one."""
    return show_next(request, "unsure", request.GET.get("after", ""))


@require_safe
@never_cache
@labellers_only
def sample(request: HttpRequest) -> HttpResponse:
    """Show the first unlabelled prediction of the sample, or the next one after a skipped one."""
    return show_next(request, "sample", request.GET.get("after", ""))


@require_POST
@labellers_only
def draw_sample(request: HttpRequest) -> HttpResponse:
    Sample.objects.draw(DRAWN)
    return redirect("review-sample")


@require_POST
@labellers_only
def label(request: HttpRequest, pk: int) -> HttpResponse:
    """Label a prediction, or undo the last label; then show the next prediction of the queue."""
    prediction = get_object_or_404(Prediction.objects.with_version(), pk=pk)
    queue = "sample" if request.POST.get("queue") == "sample" else "unsure"
    if "undo" in request.POST:
        done = take_back_label(prediction, request.user)
        return answer(request, queue, gettext("Undone.") if done else gettext("Another reviewer has decided on it."))
    text = number_in(request)
    if text is None:
        return answer(request, queue, gettext("Write digits only."))
    correction = label_prediction(prediction, text, request.user)
    if correction is None:
        return answer(request, queue, str(OTHERS_DECIDE))
    waits = correction.first_reviewer_id and not correction.reviewed_by_id
    if text == prediction.text:
        said = gettext("%(text)s: right; a second reviewer must agree.") if waits else gettext("%(text)s: right.")
    elif waits:
        said = gettext("%(text)s: not %(reading)s; a second reviewer must agree.")
    else:
        said = gettext("%(text)s: not %(reading)s.")
    return answer(request, queue, said % {"text": correction.one_line, "reading": prediction.one_line}, prediction)


def answer(request: HttpRequest, queue: str, said: str, last: Prediction | None = None) -> HttpResponse:
    if request.headers.get(FRAGMENT):
        return show_next(request, queue, "", said, last)
    return redirect(f"review-{queue}")


def show_next(
    request: HttpRequest, queue: str, after: str, said: str = "", last: Prediction | None = None
) -> HttpResponse:
    prediction, place = next_unsure(request, after) if queue == "unsure" else next_of_sample(request, after)
    drawn = Sample.objects.aggregate(drawn=Count("pk"), looked_at=Count("pk", filter=Q(answered_at__isnull=False)))
    context = {
        "queue": queue,
        "prediction": prediction,
        "place": place,
        "digits": digit_figures(prediction.digits, prediction.width, prediction.height) if prediction else [],
        "likely": likely_numbers(prediction.digits) if prediction else [],
        "said": said,
        "last": last,
        "sample": drawn if queue == "sample" else None,
        "skipped": bool(after) and prediction is None,
    }
    template = "review/label.html" if request.headers.get(FRAGMENT) else "review/labels.html"
    return render(request, template, context)


def next_unsure(request: HttpRequest, after: str) -> tuple[Prediction | None, str]:
    """Return the next prediction, and the cursor after it."""
    found = Prediction.objects.unsure_first(request.user).with_version().defer("frames")
    page = page_of(found, after, None, least_sure_first=True, size=1).predictions
    return (page[0], place_of(page[0], least_sure_first=True)) if page else (None, "")


def next_of_sample(request: HttpRequest, after: str) -> tuple[Prediction | None, str]:
    passed = int(after) if after.isascii() and after.isdigit() and len(after) < 18 else 0
    waiting = Sample.objects.waiting_for(request.user).filter(pk__gt=passed)
    row = waiting.select_related("prediction__model_version").defer("prediction__image_content").first()
    return (row.prediction, str(row.pk)) if row else (None, "")
