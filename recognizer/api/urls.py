from django.urls import path
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView
from rest_framework.routers import SimpleRouter

from .views import ModelVersionViewSet, PredictionViewSet

app_name = "api"
router = SimpleRouter()
router.register("predictions", PredictionViewSet, basename="predictions")
router.register("models", ModelVersionViewSet, basename="models")

urlpatterns = [
    *router.urls,
    path("schema/", SpectacularJSONAPIView.as_view(), name="schema"),
    path(
        "docs/",
        SpectacularSwaggerSplitView.as_view(url_name="api:schema", template_name="api/docs.html"),
        name="docs",
    ),
]
