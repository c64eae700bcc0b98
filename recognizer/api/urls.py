from typing import Any

from django.urls import path
from django.utils import translation
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView
from rest_framework.routers import SimpleRouter

from .views import ModelVersionViewSet, PredictionViewSet


class EnglishSchema(SpectacularJSONAPIView):
    """The OpenAPI schema, in English for every caller, as all documentation."""

    def dispatch(self, *args: Any, **kwargs: Any) -> Any:
        with translation.override("en"):
            return super().dispatch(*args, **kwargs)


app_name = "api"
router = SimpleRouter()
router.register("predictions", PredictionViewSet, basename="predictions")
router.register("models", ModelVersionViewSet, basename="models")

urlpatterns = [
    *router.urls,
    path("schema/", EnglishSchema.as_view(), name="schema"),
    path(
        "docs/",
        SpectacularSwaggerSplitView.as_view(url_name="api:schema", template_name="api/docs.html"),
        name="docs",
    ),
]
