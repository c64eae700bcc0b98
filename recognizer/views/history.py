"""A person's predictions: list, export, delete."""

from functools import partial

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.redirects import own_path
from core.timezones import timezone_of
from keys.models import Key
from recognizer import erasures
from recognizer.exports import archive, download, images_zip, predictions_table
from recognizer.filters import HistoryFilter
from recognizer.identity import identity_of
from recognizer.models import Erasure, Prediction, PredictionQuerySet
from recognizer.pagination import PAGE, page_of
from recognizer.predictions import erase_predictions


@require_safe
def history(request: HttpRequest) -> HttpResponse:
    predictions = Prediction.objects.of(identity_of(request))
    filters = HistoryFilter(request.GET, predictions)
    filters.zone = timezone_of(request)
    if filters.is_valid():
        predictions = filters.qs
    before, after = request.GET.get("before"), request.GET.get("after")
    page = page_of(predictions.without_images().with_correction(), before, after, filters.least_sure_first)
    params = request.GET.copy()
    for name in ("before", "after"):
        params.pop(name, None)
    context = {
        "page": page,
        "filters": filters,
        "asked": bool(request.GET),
        "narrow": filters.is_narrow,
        "query": params.urlencode(),
    }
    return render(request, "history.html", context)


@require_POST
def selected(request: HttpRequest) -> HttpResponseBase:
    """Delete or download the predictions selected on a page of the history."""
    chosen = ticked(request)
    match request.POST.get("action"):
        case "delete":
            return deleted(request, erase_predictions(chosen))
        case "table":
            return predictions_table(chosen.select_related("owner").with_version().with_correction())
        case "pictures":
            return download(request, partial(images_zip, chosen.with_correction()), "predictions.zip")
    words = "The action must be delete, table or pictures."
    return HttpResponse(words, status=400, content_type="text/plain")


def ticked(request: HttpRequest) -> PredictionQuerySet:
    """Return the sender's own predictions that a form selects, at most a page of them."""
    sent = request.POST.getlist("id")[:PAGE]
    ids = [int(pk) for pk in sent if pk.isascii() and pk.isdigit() and len(pk) <= 18]
    return Prediction.objects.of(identity_of(request)).filter(pk__in=ids)


def deleted(request: HttpRequest, count: int) -> HttpResponse:
    """Redirect a form to the page it came from, with a message; answer a script with 204."""
    if not request.accepts("text/html"):
        return HttpResponse(status=204)
    words = ngettext("%(count)d prediction deleted.", "%(count)d predictions deleted.", count)
    messages.success(request, words % {"count": count})
    return HttpResponseRedirect(own_path(request, request.POST.get("next", "")) or reverse("history"))


@require_http_methods(["GET", "HEAD", "POST"])
def erase_history(request: HttpRequest) -> HttpResponse:
    identity = identity_of(request)
    erasure = Erasure.objects.of(identity).first()
    if request.method == "POST" and identity is not None and erasure is None and erasures.erase_history(identity):
        return redirect("history-erase")
    if request.method == "POST" and erasure is None:
        messages.success(request, gettext("Your history is deleted."))
        return redirect("history")
    any_left = Prediction.objects.of(identity).exists()
    return render(request, "erase.html", {"any": any_left, "erasure": erasure})


@require_safe
def erase_progress(request: HttpRequest) -> HttpResponse:
    """Return the progress of a deletion as JSON, for the page's script."""
    return JsonResponse(erasures.progress_of(Erasure.objects.of(identity_of(request)).first()))


@require_safe
def export_history(request: HttpRequest) -> HttpResponseBase:
    """Return all data of the sender as one archive."""
    mine = Prediction.objects.of(identity_of(request)).select_related("owner").with_version().with_correction()
    keys = Key.objects.of(request.user) if request.user.is_authenticated else None
    return download(request, partial(archive, mine, keys), "my-predictions.zip")
