from django.contrib import admin
from django.urls import include, path, re_path

from . import errors, health, languages, security_txt

urlpatterns = [
    # First, because patterns are tried in this order, and most calls are to the API.
    path("api/v1/", include("recognizer.api.urls")),
    path("api/v1/", include("batches.api_urls")),
    re_path(r"^api/", errors.not_found, name="api-not-found"),
    path("", include("recognizer.urls")),
    path("accounts/", include("accounts.urls")),
    path("", include("keys.urls")),
    path("", include("batches.urls")),
    path("", include("training.urls")),
    path("texts/<str:language>.<str:version>.js", languages.ScriptCatalogue.as_view(), name="script-catalogue"),
    path("admin/", admin.site.urls),
    path(".well-known/security.txt", security_txt.security_txt, name="security-txt"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
]

handler400 = "digitsite.errors.bad_request"
handler403 = "digitsite.errors.permission_denied"
handler404 = "digitsite.errors.not_found"
handler429 = "digitsite.errors.too_many_requests"
handler500 = "digitsite.errors.server_error"
