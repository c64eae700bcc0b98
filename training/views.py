"""The dashboard, and what staff do from it."""

from typing import Any

from django.contrib import messages
from django.contrib.admin.views.decorators import staff_member_required
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from recognizer.exceptions import NoServingVersion
from recognizer.models import ModelVersion
from recognizer.serving import promote_version, serving_trouble

from .dashboard import gather_dashboard
from .models import TrainingRun
from .runs import RunActive, as_json, in_words, start_run
from .snapshots import TooFew


def managers_only(view: Any) -> Any:
    """Send whoever is no staff to the log-in page, and refuse staff without the permission."""
    return staff_member_required(permission_required("recognizer.manage_networks", raise_exception=True)(view))


@require_safe
@never_cache
@staff_member_required
def dashboard(request: HttpRequest) -> HttpResponse:
    return render(request, "training/dashboard.html", gather_dashboard() | {"trouble": serving_trouble()})


@require_safe
@never_cache
@staff_member_required
def run(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a run: where it is while it works, what the gate said once it has ended."""
    shown = get_object_or_404(TrainingRun.objects.select_related("champion", "challenger", "requested_by"), pk=pk)
    curves = shown.curves
    context = {
        "run": shown,
        "words": in_words(shown) if shown.is_active else shown.get_state_display(),
        "share": progress_share(shown),
        "points": points_of(curves.get("loss", [])),
    }
    return render(request, "training/run.html", context)


@require_safe
@never_cache
@staff_member_required
def run_progress(request: HttpRequest, pk: int) -> HttpResponse:
    """Tell the page's script where the run is."""
    shown = get_object_or_404(TrainingRun, pk=pk)
    told = {"words": in_words(shown), "share": progress_share(shown), "active": shown.is_active}
    return JsonResponse(told | {"points": points_of(shown.curves.get("loss", [])), "run": as_json(shown)})


def progress_share(run: TrainingRun) -> float:
    return run.progress["number"] / run.progress["steps"] if "number" in run.progress else 0.0


def points_of(losses: list[float]) -> str:
    """The curve of the loss as an SVG polyline, in 600 x 120."""
    if len(losses) < 2:
        return ""
    most = max(losses) or 1.0
    return " ".join(
        f"{600 * place / (len(losses) - 1):.1f},{118 - 112 * loss / most:.1f}" for place, loss in enumerate(losses)
    )


@require_POST
@managers_only
def retrain(request: HttpRequest) -> HttpResponse:
    shadow = request.POST.get("shadow", "")
    count = int(shadow) if shadow.isascii() and shadow.isdigit() and len(shadow) < 7 else 0
    try:
        started = start_run(by=request.user, shadow=count)
    except (TooFew, RunActive) as error:
        messages.error(request, str(error))
        return redirect("dashboard")
    except OSError as error:
        messages.error(request, f"The corrections could not be frozen: {error.strerror}.")
        return redirect("dashboard")
    return redirect("training-run", started.pk)


@require_POST
@managers_only
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    run = get_object_or_404(TrainingRun, pk=pk)
    if run.cancel():
        messages.success(request, "The run is cancelled.")
    else:
        messages.error(request, "The run had ended before.")
    return redirect("training-run", pk)


@require_POST
@managers_only
def promote(request: HttpRequest) -> HttpResponse:
    """Let a version serve: a challenger that passed, or one of the last five again."""
    version = get_object_or_404(ModelVersion, name=request.POST.get("version", "")[:100])
    try:
        promote_version(version, by=request.user)
    except NoServingVersion as error:
        messages.error(request, f"Not promoted: {error}.")
    else:
        messages.success(request, f"{version} serves from now on.")
    return redirect("dashboard")
