"""The pages on which people draw and upload."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from recognizer.identity import Identity, identity_of, remember_visitor


# The scripts of these two pages call the API, which needs the CSRF cookie.
@require_safe
@ensure_csrf_cookie
def draw(request: HttpRequest) -> HttpResponse:
    return page_to_send_from(request, "draw.html")


@require_safe
@ensure_csrf_cookie
def upload(request: HttpRequest) -> HttpResponse:
    return page_to_send_from(request, "upload.html")


@require_safe
def digit_pad(request: HttpRequest) -> HttpResponse:
    """Redirect pages of any site to the current <digit-pad> module. Its imports are beside it, with hashed names."""
    response = redirect(static("js/digit-pad.js"))
    response["Access-Control-Allow-Origin"] = "*"
    response["Cache-Control"] = "public, max-age=300"
    return response


def page_to_send_from(request: HttpRequest, template: str) -> HttpResponse:
    """Show a page, and give a new visitor a cookie, so that their first simultaneous calls belong to one visitor."""
    response = render(request, template)
    if identity_of(request) is None:
        remember_visitor(response, Identity.new_visitor())
    return response
