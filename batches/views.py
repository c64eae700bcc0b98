"""The pages of batches: send one, follow it, cancel or erase it."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_POST, require_safe

from .ending import erase_batch, stop_batch
from .models import Batch, Delivery, SigningSecret, new_secret

SHOWN = 20
"""Pictures of a batch that its page shows; the files hold all of them."""


@login_required
@require_safe
@never_cache
@ensure_csrf_cookie
def batches(request: HttpRequest) -> HttpResponse:
    mine = Batch.objects.filter(owner_id=request.user.pk)[:50]
    assert request.user.is_authenticated
    secret = SigningSecret.objects.filter(user=request.user).first()
    return render(request, "batches/batches.html", {"batches": mine, "secret": secret})


@login_required
@require_POST
def renew_secret(request: HttpRequest) -> HttpResponse:
    """Sign webhooks with a new secret."""
    assert request.user.is_authenticated
    SigningSecret.objects.update_or_create(user=request.user, defaults={"secret": new_secret()})
    messages.success(request, "Webhooks are signed with the new secret from now on.")
    return redirect("batches")


@login_required
@require_safe
@never_cache
def batch(request: HttpRequest, pk: int) -> HttpResponse:
    shown = get_object_or_404(Batch.objects.visible_to(request.user), pk=pk)
    items = shown.items.in_order()
    context = {
        "batch": shown,
        "items": items[:SHOWN],
        "delivery": Delivery.objects.filter(batch=shown).prefetch_related("log").first(),
        "may_change": shown.may_be_changed_by(request.user),
    }
    return render(request, "batches/batch.html", context)


def changeable(request: HttpRequest, pk: int) -> Batch:
    """Fetch a batch to change it. Raises Http404 where it may not be seen, else PermissionDenied."""
    found = get_object_or_404(Batch.objects.visible_to(request.user), pk=pk)
    if not found.may_be_changed_by(request.user):
        raise PermissionDenied("Only its owner may do this.")
    return found


@login_required
@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    if stop_batch(changeable(request, pk)):
        messages.success(request, "The batch is cancelled. What was read stays.")
    else:
        messages.error(request, "The batch had ended before.")
    return redirect("batch", pk)


@login_required
@require_POST
def erase(request: HttpRequest, pk: int) -> HttpResponse:
    erase_batch(changeable(request, pk))
    messages.success(request, "The batch and all that was read of it are erased.")
    return redirect("batches")
