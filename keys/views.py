"""How programs call, for everybody; and for users the keys of theirs."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from .forms import ChangeKeyForm, MakeKeyForm, RenewForm
from .models import GRACE, Key, TooManyKeys
from .usage import HEIGHT, WIDTH, calls_by_day, write_down_if_possible

FRESH_TOKEN, SECONDS_TO_SHOW = "fresh_token", 60

EXAMPLES = [
    {"name": "curl", "slug": "curl", "template": "api/example.sh"},
    {"name": "Python", "slug": "python", "template": "api/example.py"},
    {"name": "JavaScript", "slug": "javascript", "template": "api/example.mjs"},
]


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def api_access(request: HttpRequest) -> HttpResponse:
    """Show how programs call; users make their keys here."""
    return make_key(request) if request.method == "POST" else show_api_access(request, MakeKeyForm())


@login_required
def make_key(request: HttpRequest) -> HttpResponse:
    form = MakeKeyForm(request.POST)
    if not form.is_valid():
        return show_api_access(request, form, status=400)
    try:
        _, fresh = Key.objects.issue(request.user, **form.cleaned_data)
    except TooManyKeys as error:
        messages.error(request, str(error))
        return redirect("api-access")
    return show_once(request, fresh)


def show_once(request: HttpRequest, fresh: str) -> HttpResponse:
    """Send on to the page that shows a new token, once: only its hash is kept.

    A cookie takes it there, so that to load that page again makes no second one.
    """
    shows = redirect("api-access")
    shows.set_signed_cookie(
        FRESH_TOKEN,
        fresh,
        salt=str(request.user.pk),
        max_age=SECONDS_TO_SHOW,
        path=reverse("api-access"),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return shows


def show_api_access(request: HttpRequest, form: MakeKeyForm, status: int = 200) -> HttpResponse:
    user = request.user
    write_down_if_possible()
    # Whoever logs in next at the same browser gets nothing from it.
    fresh = request.get_signed_cookie(FRESH_TOKEN, None, salt=str(user.pk), max_age=SECONDS_TO_SHOW)
    context = {
        "keys": Key.objects.of(user) if user.is_authenticated else [],
        "form": form,
        "fresh": fresh,
        "token": fresh or "YOUR_TOKEN",
        "address": request.build_absolute_uri(reverse("api:predictions-list")),
        "examples": EXAMPLES,
    }
    shown = render(request, "keys/api_access.html", context, status=status)
    if FRESH_TOKEN in request.COOKIES:
        shown.delete_cookie(FRESH_TOKEN, path=reverse("api-access"))
    return shown


def own_key(request: HttpRequest, pk: int) -> Key:
    """Fetch a key of the sender. Raises Http404 for all others."""
    return get_object_or_404(Key.objects.of(request.user), pk=pk)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def key(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what a key may do and how much it was used, and change it."""
    shown = own_key(request, pk)
    form = ChangeKeyForm(request.POST or None, instance=shown)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "The key is changed.")
        return redirect(shown)
    # A form that was refused has put its words into the row.
    return show_key(request, own_key(request, pk), form, 400 if form.errors else 200)


def show_key(request: HttpRequest, shown: Key, form: ChangeKeyForm, status: int) -> HttpResponse:
    write_down_if_possible()
    shown.refresh_from_db(fields=["last_used_at"])
    days = calls_by_day(shown, timezone.now().date())
    context: dict[str, Any] = {
        "key": shown,
        "form": form,
        "renew": RenewForm(),
        "days": days,
        "calls": sum(bar.calls for bar in days),
        "chart": {"width": WIDTH, "height": HEIGHT},
    }
    return render(request, "keys/key.html", context, status=status)


@login_required
@require_POST
def renew(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a key a new token, which is shown once."""
    form = RenewForm(request.POST)
    later = form.is_valid() and form.cleaned_data["old"] == "later"
    with transaction.atomic():
        changed = get_object_or_404(Key.objects.of(request.user).select_for_update(), pk=pk)
        fresh = changed.renew(GRACE if later else None)
    return show_once(request, fresh)


@login_required
@require_POST
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    own_key(request, pk).delete()
    messages.success(request, "The key is revoked.")
    return redirect("api-access")
