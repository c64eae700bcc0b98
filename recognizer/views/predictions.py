"""One prediction: its page, its pictures, flag and delete."""

from collections.abc import Callable

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from core.callers import caller_of
from core.redirects import own_path
from recognizer.admission import Caller, admission
from recognizer.exceptions import NoServingVersion, TooBusy
from recognizer.figures import FRAME, digit_figures, likely_numbers
from recognizer.forms import FlagForm
from recognizer.identity import identity_of
from recognizer.models import Correction, Prediction
from recognizer.predictions import erase_prediction, explanation_of, mask_of, occlusion_of
from recognizer.reading import UnreadableImage
from recognizer.responses import busy, picture


def own_prediction(request: HttpRequest, pk: int) -> Prediction:
    """Return a prediction that the sender may see. Raises Http404 for all others."""
    visible = Prediction.objects.visible_to(identity_of(request))
    return get_object_or_404(visible.select_related("owner").with_version().with_correction(), pk=pk)


@require_safe
def prediction(request: HttpRequest, pk: int) -> HttpResponse:
    prediction = own_prediction(request, pk)
    said = prediction.correction if prediction.correction and prediction.correction.text else prediction
    return show_prediction(request, prediction, FlagForm(initial={"text": said.one_line}))


def show_prediction(request: HttpRequest, prediction: Prediction, form: FlagForm, status: int = 200) -> HttpResponse:
    identity = identity_of(request)
    mine = Prediction.objects.of(identity).order_by("pk").only("pk")
    context = {
        "prediction": prediction,
        "previous": mine.filter(pk__lt=prediction.pk).last(),
        "next": mine.filter(pk__gt=prediction.pk).first(),
        "is_mine": prediction.belongs_to(identity),
        "correction": prediction.correction,
        "corrector": corrector_of(prediction.correction, request) if prediction.correction else "",
        "form": form,
        "digits": digit_figures(prediction.digits, prediction.width, prediction.height),
        "strip_width": FRAME * len(prediction.digits),
        "likely": [{"value": text, "shown": text.replace("\n", " ")} for text in likely_numbers(prediction.digits)],
        "may_withdraw": prediction.may_be_withdrawn_by(identity_of(request)),
        "may_erase": prediction.may_be_erased_by(identity_of(request)),
        "may_flag": prediction.may_be_flagged_by(identity_of(request)),
    }
    return render(request, "prediction.html", context, status=status)


def corrector_of(correction: Correction, request: HttpRequest) -> str:
    """Return who made a correction; staff see the name."""
    if correction.is_by(identity_of(request)):
        return gettext("You")
    if not request.user.is_staff:
        return gettext("Somebody else")
    return correction.flagged_by.get_username() if correction.flagged_by else gettext("A visitor")


@require_safe
def prediction_frames(request: HttpRequest, pk: int) -> HttpResponse:
    return picture(bytes(own_prediction(request, pk).frames), "png", f"prediction-{pk}-frames.png")


@require_safe
@never_cache
def prediction_heat(request: HttpRequest, pk: int) -> HttpResponse:
    prediction = own_prediction(request, pk)
    if not prediction.digits:
        raise Http404("This picture has no digits.")
    return drawn_now(request, prediction, occlusion_of, "heat")


@require_safe
@never_cache
def prediction_mask(request: HttpRequest, pk: int) -> HttpResponse:
    return drawn_now(request, own_prediction(request, pk), mask_of, "mask")


@require_safe
@never_cache
def prediction_explanation(request: HttpRequest, pk: int) -> HttpResponse:
    """Show staff every stage of the reading."""
    prediction = own_prediction(request, pk)
    if not request.user.is_staff:
        raise PermissionDenied("Only staff may see this.")
    return drawn_now(request, prediction, explanation_of, "explanation")


def drawn_now(
    request: HttpRequest, prediction: Prediction, draw: Callable[[Prediction], bytes], what: str
) -> HttpResponse:
    """Return a picture drawn by the version that read the prediction, for each caller one at a time.

    503 if that version cannot be loaded, or too many pictures are being drawn. Raises Http404 if the prediction's image
    is missing or unreadable.
    """
    try:
        with admission.turn(prediction.pixels_decoded, Caller(caller_of(request)), heavy=True):
            return picture(draw(prediction), "png", f"prediction-{prediction.pk}-{what}.png")
    except (NoServingVersion, TooBusy):
        return busy()
    except (FileNotFoundError, UnreadableImage) as error:
        raise Http404("The image is missing or unreadable.") from error


@require_POST
def flag_prediction(request: HttpRequest, pk: int) -> HttpResponse:
    prediction = own_prediction(request, pk)
    if not prediction.may_be_flagged_by(identity_of(request)):
        raise PermissionDenied("Only the owner may correct this prediction.")
    form = FlagForm(request.POST)
    if not form.is_valid():
        return show_prediction(request, prediction, form, status=400)
    correction = prediction.flag(form.cleaned_data["text"], request.user if request.user.is_authenticated else None)
    if correction.state == Correction.State.CONFIRMED:
        messages.success(request, gettext("Thank you. The network can learn from your confirmation."))
    elif correction.state == Correction.State.APPROVED:
        messages.success(request, gettext("Correction approved. The network can learn from it."))
    else:
        messages.success(
            request, gettext("Thank you. A reviewer will check your correction; then the network can learn from it.")
        )
    return HttpResponseRedirect(own_path(request, request.POST.get("next", "")) or prediction.get_absolute_url())


@require_POST
def withdraw_correction(request: HttpRequest, pk: int) -> HttpResponse:
    prediction = own_prediction(request, pk)
    if prediction.correction is not None and not prediction.may_be_withdrawn_by(identity_of(request)):
        raise PermissionDenied("Only the person who made this correction may withdraw it.")
    if prediction.withdraw():
        messages.success(request, gettext("Correction withdrawn."))
    else:
        messages.error(
            request, gettext("There is no correction to withdraw. A reviewer may have decided on it in the meantime.")
        )
    return redirect("prediction", pk)


@require_POST
def delete_prediction(request: HttpRequest, pk: int) -> HttpResponse:
    prediction = own_prediction(request, pk)
    identity = identity_of(request)
    if not prediction.may_be_erased_by(identity):
        raise PermissionDenied("Only the owner may delete this prediction.")
    erase_prediction(prediction, identity)
    messages.success(request, gettext("Prediction deleted."))
    return redirect("history")
