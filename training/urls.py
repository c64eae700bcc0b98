from django.urls import path

from . import views

urlpatterns = [
    path("dashboard/", views.dashboard, name="dashboard"),
    path("dashboard/retrain/", views.start_retraining, name="retrain"),
    path("dashboard/promote/", views.promote, name="promote"),
    path("dashboard/runs/<int:pk>/", views.run, name="training-run"),
    path("dashboard/runs/<int:pk>/progress/", views.run_progress, name="training-run-progress"),
    path("dashboard/runs/<int:pk>/cancel/", views.cancel, name="training-run-cancel"),
]
