"""The page with API examples, and the pages of a user's keys."""

from typing import Any

from allauth.account.decorators import reauthentication_required
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from core.audit import record
from core.models import Event

from .forms import ChangeKeyForm, ChangePublishableKeyForm, KeyForm, MakeKeyForm, MakePublishableKeyForm, RenewForm
from .models import GRACE, PUBLISHABLE, Key, TooManyKeys
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
    """Show API examples and the user's keys; create a key on POST."""
    return make_key(request, MakeKeyForm) if request.method == "POST" else show_api_access(request)


@never_cache
@require_POST
def publishable_key(request: HttpRequest) -> HttpResponse:
    """Create a key for web pages."""
    return make_key(request, MakePublishableKeyForm)


@login_required
@reauthentication_required
def make_key(request: HttpRequest, kind: type[KeyForm]) -> HttpResponse:
    form = kind(request.POST, user=request.user)
    if not form.is_valid():
        return show_api_access(request, form)
    try:
        _, fresh = Key.objects.issue(request.user, **form.cleaned_data)
    except TooManyKeys as error:
        messages.error(request, str(error))
        return redirect("api-access")
    return show_once(request, fresh)


def show_once(request: HttpRequest, fresh: str) -> HttpResponse:
    """Redirect to the page that shows a new token once; only its hash is stored.

    A cookie carries the token, so that reloading the page does not create another key.
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


def show_api_access(request: HttpRequest, refused: KeyForm | None = None) -> HttpResponse:
    """Show the page, with a form that was not valid if there is one."""
    user = request.user
    forms = [
        refused if isinstance(refused, kind) else kind(user=user) for kind in (MakeKeyForm, MakePublishableKeyForm)
    ]
    write_down_if_possible()
    # Salted with the user, so that the next user of the same browser cannot read it.
    fresh = request.get_signed_cookie(FRESH_TOKEN, None, salt=str(user.pk), max_age=SECONDS_TO_SHOW)
    context = {
        "keys": Key.objects.of(user) if user.is_authenticated else [],
        "form": forms[0],
        "publishable_form": forms[1],
        "fresh": fresh,
        "is_publishable": (fresh or "").startswith(PUBLISHABLE),
        "pad": request.build_absolute_uri(reverse("digit-pad")),
        # The examples send pictures, which a publishable key may not.
        "token": fresh if fresh and not fresh.startswith(PUBLISHABLE) else "YOUR_TOKEN",
        "address": request.build_absolute_uri(reverse("api:predictions-list")),
        "examples": EXAMPLES,
    }
    response = render(request, "keys/api_access.html", context, status=400 if refused else 200)
    if FRESH_TOKEN in request.COOKIES:
        response.delete_cookie(FRESH_TOKEN, path=reverse("api-access"))
    return response


def own_key(request: HttpRequest, pk: int) -> Key:
    """Return a key of the user. Raises Http404 for other people's keys."""
    return get_object_or_404(Key.objects.of(request.user), pk=pk)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@reauthentication_required(allow_get=True)
def key(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a key's settings and usage; change it on POST."""
    key = own_key(request, pk)
    kind = ChangePublishableKeyForm if key.is_publishable else ChangeKeyForm
    form = kind(request.POST or None, instance=key, user=request.user)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            form.save()
            record(Event.KEY_CHANGED, key, fields=", ".join(form.changed_data))
        messages.success(request, gettext("Key changed."))
        return redirect(key)
    # An invalid form has changed the instance, so load the key again.
    return show_key(request, own_key(request, pk), form, 400 if form.errors else 200)


def show_key(request: HttpRequest, key: Key, form: KeyForm, status: int) -> HttpResponse:
    write_down_if_possible()
    key.refresh_from_db(fields=["last_used_at"])
    days = calls_by_day(key, timezone.now().date())
    context: dict[str, Any] = {
        "key": key,
        "form": form,
        "renew": RenewForm(),
        "days": days,
        "calls": sum(bar.calls for bar in days),
        "chart": {"width": WIDTH, "height": HEIGHT},
    }
    return render(request, "keys/key.html", context, status=status)


@login_required
@require_POST
@reauthentication_required
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
    messages.success(request, gettext("Key revoked."))
    return redirect("api-access")
