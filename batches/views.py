"""The pages of batches: send, follow, cancel and delete."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_POST, require_safe

from recognizer.identity import identity_of
from recognizer.responses import picture

from .lifecycle import erase_batch, stop_batch
from .models import Batch, Delivery, SigningSecret, new_secret

SHOWN = 20
"""Pictures of a batch shown on its page; the downloads have all."""


@login_required
@require_safe
@never_cache
@ensure_csrf_cookie
def batches(request: HttpRequest) -> HttpResponse:
    mine = Batch.objects.filter(owner_id=request.user.pk)[:50]
    assert request.user.is_authenticated
    secret = SigningSecret.objects.filter(user=request.user).first()
    identity = identity_of(request)
    may_import = identity is not None and identity.may("recognizer.review_corrections")
    return render(request, "batches/batches.html", {"batches": mine, "secret": secret, "may_import": may_import})


@login_required
@require_POST
def renew_secret(request: HttpRequest) -> HttpResponse:
    """Replace the secret that webhooks are signed with."""
    assert request.user.is_authenticated
    SigningSecret.objects.update_or_create(user=request.user, defaults={"secret": new_secret()})
    messages.success(request, gettext("Webhooks are now signed with the new secret."))
    return redirect("batches")


@login_required
@require_safe
@never_cache
def batch(request: HttpRequest, pk: int) -> HttpResponse:
    batch = get_object_or_404(Batch.objects.visible_to(identity_of(request)), pk=pk)
    items = batch.items.worst_first()
    context = {
        "batch": batch,
        "items": items[:SHOWN],
        "mine": batch.owner_id == request.user.pk,
        "delivery": Delivery.objects.filter(batch=batch).prefetch_related("log").first(),
        "may_change": batch.may_be_changed_by(identity_of(request)),
    }
    return render(request, "batches/batch.html", context)


@login_required
@require_safe
def item_picture(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """Return the thumbnail of a refused picture."""
    batch = get_object_or_404(Batch.objects.visible_to(identity_of(request)), pk=pk)
    item = get_object_or_404(batch.items.filter(picture__gt=b""), number=number)
    return picture(bytes(item.picture), "jpeg", f"batch-{pk}-{number}.jpg")


def changeable(request: HttpRequest, pk: int) -> Batch:
    """Return a batch to change. Raises Http404 if the user may not see it, PermissionDenied if not change it."""
    batch = get_object_or_404(Batch.objects.visible_to(identity_of(request)), pk=pk)
    if not batch.may_be_changed_by(identity_of(request)):
        raise PermissionDenied("Only the owner may change this batch.")
    return batch


@login_required
@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    if stop_batch(changeable(request, pk)):
        messages.success(request, gettext("Batch cancelled. Pictures that were already read stay."))
    else:
        messages.error(request, gettext("The batch had already ended."))
    return redirect("batch", pk)


@login_required
@require_POST
def erase(request: HttpRequest, pk: int) -> HttpResponse:
    if not erase_batch(changeable(request, pk)):
        return redirect("batch", pk)
    messages.success(request, gettext("The batch and all its pictures are deleted."))
    return redirect("batches")
