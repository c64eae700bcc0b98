"""The site's pages. Thin: who asks, which rows, which template."""

import datetime
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth import login, logout
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LoginView, PasswordChangeView, RedirectURLMixin
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse_lazy
from django.utils.dateparse import parse_datetime
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie, requires_csrf_token
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.generic import FormView

from keys.models import Key

from .exceptions import NoServingVersion
from .exports import archive
from .figures import FRAME, confusion_rows, digit_figures, learning_charts, likely_numbers, mistakes_in
from .filters import PredictionFilter
from .forms import ChangePasswordForm, EraseAccountForm, FlagForm, SignUpForm
from .models import ModelVersion, Prediction
from .pagination import page_of
from .predictions import erase_predictions, explanation_of, heat_of
from .responses import picture
from .visitors import identity_of


# The scripts of these two pages call the API, which wants the cookie's token.
@require_safe
@ensure_csrf_cookie
def draw(request: HttpRequest) -> HttpResponse:
    return render(request, "draw.html")


@require_safe
@ensure_csrf_cookie
def upload(request: HttpRequest) -> HttpResponse:
    return render(request, "upload.html")


@require_safe
def history(request: HttpRequest) -> HttpResponse:
    form = PredictionFilter(request.GET or None)
    predictions = Prediction.objects.of(identity_of(request))
    if form.is_valid():
        predictions = form.apply(predictions)
    page = page_of(predictions.with_correction(), request.GET.get("before"), request.GET.get("after"))
    asked = request.GET.copy()
    for name in ("before", "after"):
        asked.pop(name, None)
    narrow = form.is_bound and form.is_valid() and form.is_narrow
    return render(request, "history.html", {"page": page, "form": form, "narrow": narrow, "query": asked.urlencode()})


@require_http_methods(["GET", "HEAD", "POST"])
def erase_history(request: HttpRequest) -> HttpResponse:
    mine = Prediction.objects.of(identity_of(request))
    if request.method == "POST":
        erase_predictions(mine)
        messages.success(request, "Your history is erased.")
        return redirect("history")
    return render(request, "erase.html", {"any": mine.exists()})


@require_safe
def export_history(request: HttpRequest) -> HttpResponseBase:
    """Give the sender everything that is kept for them, as one archive."""
    mine = Prediction.objects.of(identity_of(request)).select_related("owner").with_version().with_correction()
    keys = Key.objects.of(request.user) if request.user.is_authenticated else None
    packed = archive(lambda: mine.iterator(chunk_size=500), keys)
    return FileResponse(packed, as_attachment=True, filename="my-predictions.zip")


def own_prediction(request: HttpRequest, pk: int) -> Prediction:
    """Fetch a prediction the sender may see. Raises Http404 for all others."""
    visible = Prediction.objects.visible_to(identity_of(request))
    return get_object_or_404(visible.select_related("owner").with_version().with_correction(), pk=pk)


@require_safe
def prediction(request: HttpRequest, pk: int) -> HttpResponse:
    shown = own_prediction(request, pk)
    return show_prediction(request, shown, FlagForm(initial={"text": shown.one_line}))


def show_prediction(request: HttpRequest, shown: Prediction, form: FlagForm, status: int = 200) -> HttpResponse:
    context = {
        "prediction": shown,
        "correction": shown.correction,
        "form": form,
        "digits": digit_figures(shown.digits, shown.width, shown.height),
        "strip_width": FRAME * len(shown.digits),
        "likely": [{"value": text, "shown": text.replace("\n", " ")} for text in likely_numbers(shown.digits)],
        "may_erase": shown.may_be_erased_by(identity_of(request)),
    }
    return render(request, "prediction.html", context, status=status)


@require_safe
def prediction_frames(request: HttpRequest, pk: int) -> HttpResponse:
    return picture(bytes(own_prediction(request, pk).frames), "png", f"prediction-{pk}-frames.png")


@require_safe
@never_cache
def prediction_heat(request: HttpRequest, pk: int) -> HttpResponse:
    shown = own_prediction(request, pk)
    if not shown.digits:
        raise Http404("Nothing was read in it.")
    return drawn_now(shown, heat_of, "heat")


@require_safe
@never_cache
def prediction_explanation(request: HttpRequest, pk: int) -> HttpResponse:
    """Show staff what each stage of the reading saw."""
    shown = own_prediction(request, pk)
    if not request.user.is_staff:
        raise PermissionDenied("Only staff may see this.")
    try:
        return drawn_now(shown, explanation_of, "explanation")
    except FileNotFoundError as error:
        raise Http404("The image is gone.") from error


def drawn_now(shown: Prediction, draw: Callable[[Prediction], bytes], what: str) -> HttpResponse:
    """Answer with a picture that the version drew which serves now; with 503 while none does."""
    try:
        return picture(draw(shown), "png", f"prediction-{shown.pk}-{what}.png")
    except NoServingVersion:
        words = "The reader is not ready. Try again in a moment."
        return HttpResponse(words, status=503, content_type="text/plain", headers={"Retry-After": "5"})


@require_POST
def flag_prediction(request: HttpRequest, pk: int) -> HttpResponse:
    shown = own_prediction(request, pk)
    form = FlagForm(request.POST)
    if not form.is_valid():
        return show_prediction(request, shown, form, status=400)
    shown.flag(form.cleaned_data["text"], request.user if request.user.is_authenticated else None)
    messages.success(request, "Thank you. A reviewer will look at it, and the network can learn from it.")
    came_from = request.POST.get("next", "")
    own = url_has_allowed_host_and_scheme(came_from, {request.get_host()}, require_https=request.is_secure())
    return redirect(came_from) if own else redirect("prediction", pk)


@require_POST
def delete_prediction(request: HttpRequest, pk: int) -> HttpResponse:
    shown = own_prediction(request, pk)
    if not shown.may_be_erased_by(identity_of(request)):
        raise PermissionDenied("Only its owner may delete this.")
    erase_predictions(Prediction.objects.filter(pk=shown.pk))
    messages.success(request, "Deleted.")
    return redirect("history")


@require_safe
def about(request: HttpRequest) -> HttpResponse:
    version = ModelVersion.objects.serving()
    return render(request, "about.html", card_context(version) if version else {})


def card_context(version: ModelVersion) -> dict[str, Any]:
    """Gather a version's card for its page; an imported version's card may lack any part."""
    card = version.card
    mistakes = mistakes_in(card) if version.mistakes else []
    return {
        "version": version,
        "card": card,
        "made": made_at(version),
        "bytes": card.get("files", {}).get("digits.tflite", {}).get("bytes"),
        "confusion": confusion_rows(card.get("metrics", {}).get("confusion", [])),
        "charts": learning_charts(card.get("history", {})),
        "mistakes": mistakes,
        "strip_width": FRAME * len(mistakes),
    }


def made_at(version: ModelVersion) -> datetime.datetime:
    return parse_datetime(version.card.get("created_at", "")) or version.created_at


@require_safe
def about_mistakes(request: HttpRequest) -> HttpResponse:
    version = ModelVersion.objects.serving()
    if version is None or not version.mistakes:
        raise Http404("No version serves.")
    try:
        with version.mistakes.open("rb") as file:
            return picture(file.read(), "png", "mistakes.png")
    except FileNotFoundError as error:
        raise Http404("The picture is gone.") from error


def claim_history(request: HttpRequest, user: Any, visitor_before: Any) -> None:
    """Give what an anonymous visitor made here to the account the visitor entered."""
    if visitor_before is not None and visitor_before.visitor is not None:
        Prediction.objects.claim(visitor_before.visitor, user)


class LogIn(LoginView):
    template_name = "accounts/login.html"
    redirect_authenticated_user = True

    def form_valid(self, form: Any) -> HttpResponse:
        before = identity_of(self.request)
        response = super().form_valid(form)
        claim_history(self.request, form.get_user(), before)
        return response


class SignUp(RedirectURLMixin, FormView):
    template_name = "accounts/signup.html"
    form_class = SignUpForm
    next_page = "history"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated:
            return redirect(self.get_success_url())
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs) | {"next": self.get_redirect_url()}

    def form_valid(self, form: SignUpForm) -> HttpResponse:
        before = identity_of(self.request)
        user = form.save()
        login(self.request, user, backend="django.contrib.auth.backends.ModelBackend")
        claim_history(self.request, user, before)
        messages.success(self.request, f"Welcome, {user.get_username()}. Your history is kept from now on.")
        return super().form_valid(form)


@login_required
@require_safe
def account(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/account.html")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def erase_account(request: HttpRequest) -> HttpResponse:
    """Delete an account with all that it holds, once its owner has given the password."""
    user = request.user
    form = EraseAccountForm(request.POST or None, user=user)
    if request.method != "POST" or not form.is_valid():
        return render(request, "accounts/erase.html", {"form": form})
    erase_predictions(Prediction.objects.filter(owner_id=user.pk))
    logout(request)
    user.delete()
    messages.success(request, "Your account and all that it held are gone.")
    return redirect("draw")


class ChangePassword(PasswordChangeView):
    template_name = "accounts/password.html"
    form_class = ChangePasswordForm
    success_url = reverse_lazy("history")

    def form_valid(self, form: Any) -> HttpResponse:
        messages.success(self.request, "Your password is changed.")
        return super().form_valid(form)


@requires_csrf_token
def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "400.html", status=400)


@requires_csrf_token
def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "403.html", status=403)


@requires_csrf_token
def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "404.html", status=404)


@requires_csrf_token
def server_error(request: HttpRequest) -> HttpResponse:
    # Nothing here may fail again: no context, no database.
    return render(None, "500.html", status=500)
