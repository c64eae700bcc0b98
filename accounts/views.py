"""Sign-up and account pages."""

from datetime import timedelta
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.views import SignupView
from allauth.mfa.webauthn.internal.auth import begin_authentication
from allauth.mfa.webauthn.views import LoginWebAuthnView
from allauth.usersessions.internal.flows.sessions import end_sessions
from allauth.usersessions.models import UserSession
from allauth.usersessions.views import ListUserSessionsView
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.core import signing
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.redirects import own_path
from recognizer.erasures import progress_of
from recognizer.identity import Identity
from recognizer.models import Erasure
from recognizer.quotas import meters_of

from .closing import close_account
from .forms import EraseAccountForm
from .language import choose
from .sessions import browser_of

ERASING = "an account that is being erased"
"""Salt of the signed URLs of deletion progress."""


class SignUp(SignupView):
    def form_valid(self, form: Any) -> HttpResponse:
        """Create the account and move the visitor's predictions to it, or neither."""
        try:
            with transaction.atomic():
                return super().form_valid(form)
        except IntegrityError:
            # Somebody else took the name at the same moment.
            form.add_error("username", get_adapter().validation_error("username_taken"))
            return self.form_invalid(form)


class PasskeyLogIn(LoginWebAuthnView):
    """Log-in by a passkey alone."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Return the challenge for the browser to sign."""
        return JsonResponse({"request_options": begin_authentication()})


class Sessions(ListUserSessionsView):
    """List a user's sessions, and end all but the current one."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        context["named"] = [(browser_of(session.user_agent), session) for session in reversed(context["sessions"])]
        return context


# No CSRF check, which would need a cookie on every page. A request from another site comes without the session cookie,
# so it can change the language of this browser only.
@csrf_exempt
@require_POST
def choose_language(request: HttpRequest) -> HttpResponse:
    """Store the language chosen in the footer, and redirect back to the page."""
    response = HttpResponseRedirect(own_path(request, request.POST.get("next", "")) or reverse("draw"))
    code = request.POST.get("language", "")
    if code in dict(settings.LANGUAGES):
        choose(response, request.user, code)
    return response


@login_required
@require_POST
def end_session(request: HttpRequest, pk: int) -> HttpResponse:
    session = get_object_or_404(UserSession, pk=pk, user=request.user)
    end_sessions(request, [session])
    messages.success(request, gettext("The session is ended."))
    return redirect("usersessions_list")


@login_required
@require_safe
def account(request: HttpRequest) -> HttpResponse:
    mine = Identity(user=request.user)  # type: ignore[arg-type]  # nobody else gets here
    return render(request, "accounts/account.html", {"meters": meters_of(mine)})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def erase_account(request: HttpRequest) -> HttpResponse:
    """Delete an account with all its data, after its password is given."""
    user = request.user
    form = EraseAccountForm(request.POST or None, user=user)
    if request.method != "POST" or not form.is_valid():
        return render(request, "accounts/erase.html", {"form": form})
    erasure = close_account(user)
    logout(request)
    if erasure is not None:
        return redirect("account-erasing", signing.dumps(erasure.pk, salt=ERASING))
    messages.success(request, gettext("Your account and all its data are deleted."))
    return redirect("draw")


@require_safe
@never_cache
def erasing(request: HttpRequest, token: str) -> HttpResponse:
    """Show the progress of deletion to the former user, who cannot log in any more."""
    return render(request, "accounts/erasing.html", {"erasure": left_of(token), "token": token})


@require_safe
@never_cache
def erasing_progress(request: HttpRequest, token: str) -> HttpResponse:
    return JsonResponse(progress_of(left_of(token)))


def left_of(token: str) -> Erasure | None:
    """Return a token's erasure, None if it has finished. Raises Http404 for a forged or old token."""
    try:
        pk = signing.loads(token, salt=ERASING, max_age=timedelta(days=30))
    except signing.BadSignature as error:
        raise Http404("There is no such page.") from error
    return Erasure.objects.filter(pk=pk).first()
