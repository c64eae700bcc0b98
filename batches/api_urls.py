from rest_framework.routers import SimpleRouter

from .api import BatchViewSet

app_name = "api-batches"
router = SimpleRouter()
router.register("batches", BatchViewSet, basename="batches")
urlpatterns = router.urls
