"""The dashboard and its actions, for staff."""

from typing import Any

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.contrib.admin.views.decorators import staff_member_required
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from recognizer.exceptions import NoServingVersion
from recognizer.models import ModelVersion
from recognizer.serving.cache import serving_now, serving_trouble
from recognizer.serving.install import promote_version

from .dashboard import gather_dashboard
from .models import TrainingRun
from .retraining.runs import RunActive, share_done, start_run, words_of
from .retraining.snapshots import TooFew
from .retraining.verdicts import told


def managers_only(view: Any) -> Any:
    """Redirect everybody but staff to the log-in page; answer 403 to staff without the permission."""
    return staff_member_required(permission_required("recognizer.manage_networks", raise_exception=True)(view))


@require_safe
@never_cache
@staff_member_required
def dashboard(request: HttpRequest) -> HttpResponse:
    return render(
        request, "training/dashboard.html", gather_dashboard() | {"trouble": serving_trouble(), "used": serving_now()}
    )


@require_safe
@never_cache
@staff_member_required
def run(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a run: its progress while it is active, the gate's verdict afterwards."""
    run = get_object_or_404(TrainingRun.objects.select_related("champion", "challenger", "requested_by"), pk=pk)
    curves = run.curves
    context = {
        "run": run,
        "words": words_of(run) if run.is_active else run.get_state_display(),
        "share": share_done(run),
        "points": points_of(curves.get("loss", [])),
        "checks": [told(check) for check in run.verdict["checks"]] if run.verdict else [],
    }
    return render(request, "training/run.html", context)


@require_safe
@never_cache
@staff_member_required
def run_progress(request: HttpRequest, pk: int) -> HttpResponse:
    """Return the run's progress as JSON, for the page's script."""
    run = get_object_or_404(TrainingRun, pk=pk)
    payload = {"words": words_of(run), "share": share_done(run), "active": run.is_active}
    facts = run.as_json()
    if not request.user.has_perm("recognizer.view_prediction"):
        # Other people's pictures: staff need a permission.
        facts.pop("differences")
    return JsonResponse(payload | {"points": points_of(run.curves.get("loss", [])), "run": facts})


def points_of(losses: list[float]) -> str:
    """Return the loss curve as the points of an SVG polyline, 600 x 120."""
    if len(losses) < 2:
        return ""
    most = max(losses) or 1.0
    return " ".join(
        f"{600 * place / (len(losses) - 1):.1f},{118 - 112 * loss / most:.1f}" for place, loss in enumerate(losses)
    )


@require_POST
@managers_only
def start_retraining(request: HttpRequest) -> HttpResponse:
    shadow = request.POST.get("shadow", "")
    count = int(shadow) if shadow.isascii() and shadow.isdigit() and len(shadow) < 7 else 0
    try:
        started = start_run(by=request.user, shadow=count)
    except (TooFew, RunActive) as error:
        messages.error(request, str(error))
        return redirect("dashboard")
    except OSError as error:
        messages.error(
            request,
            gettext("The snapshot of the corrections could not be saved: %(error)s.") % {"error": error.strerror},
        )
        return redirect("dashboard")
    return redirect("training-run", started.pk)


@require_POST
@managers_only
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    run = get_object_or_404(TrainingRun, pk=pk)
    if run.cancel():
        messages.success(request, gettext("Run cancelled."))
    else:
        messages.error(request, gettext("The run had already ended."))
    return redirect("training-run", pk)


@require_POST
@managers_only
@reauthentication_required
def promote(request: HttpRequest) -> HttpResponse:
    """Promote a version: a challenger that passed, or one of the last five versions."""
    version = get_object_or_404(ModelVersion, name=request.POST.get("version", "")[:100])
    try:
        promote_version(version, by=request.user)
    except NoServingVersion as error:
        messages.error(request, gettext("Not promoted: %(error)s.") % {"error": error})
    else:
        messages.success(request, gettext("%(version)s is now the current version.") % {"version": version})
    return redirect("dashboard")
